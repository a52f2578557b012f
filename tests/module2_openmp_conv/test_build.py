"""Which torch the extension is built for, and what is said when another one is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from module2_openmp_conv._built_for import TORCH

from module2_openmp_conv import extension, find_torch

FIND = Path(find_torch.__file__)


def test_the_build_finds_the_torch_of_its_environment() -> None:
    # As in an isolated build: the packages are off the path, but still lie there.
    code = (
        "import runpy, sys\n"
        "sys.path = [folder for folder in sys.path if 'site-packages' not in folder]\n"
        f"runpy.run_path({str(FIND)!r}, run_name='__main__')\n"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    folder, version = found.split(";")
    assert Path(folder).samefile(Path(torch.__file__).parent)
    assert version == torch.__version__ == TORCH


def test_a_build_without_torch_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_torch.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(find_torch.site, "getsitepackages", lambda prefixes: ["/nowhere"])
    monkeypatch.setattr(find_torch.site, "getusersitepackages", lambda: "/nowhere")
    assert find_torch.torch_folder() is None


def test_another_torch_than_the_builds_is_named() -> None:
    code = (
        "import torch; torch.__version__ = '9.9.9'\n"
        "import module2_openmp_conv as m\n"
        "try: m.isa()\n"
        "except m.KernelsError as error: print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"built for torch {TORCH}" in said
    assert "torch 9.9.9 is installed" in said
    assert "pip install -e ." in said


def test_kernels_that_are_not_there_are_an_error_at_the_first_call() -> None:
    unusable = extension._Unusable("because")
    with pytest.raises(extension.KernelsError, match="because"):
        unusable.conv1d  # noqa: B018
