"""`scripts/wheels` says which Pythons it leaves out, and what a wheel lacks or has too much."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from crossscale_results import UserError

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "wheels"

FakePython = Callable[[str], Path]

TRACKED = [
    "LICENSE",
    "folder/one/__init__.py",
    "folder/one/README.md",
    "folder/one/below/__init__.py",
    "folder/one/below/table.csv",
    "module2_openmp_conv/__init__.py",
    "module2_openmp_conv/csrc/kernel.cpp",
    "results/module1.csv",
    "tests/test_one.py",
]
HELD = [
    "one/__init__.py",
    "one/below/__init__.py",
    "one/below/table.csv",
    "module2_openmp_conv/__init__.py",
    "module2_openmp_conv/_built_for.py",
    "module2_openmp_conv/_kernels.cpython-311.so",
    "suite-1.dist-info/METADATA",
    "suite-1.dist-info/licenses/LICENSE",
]


def wheel_of(folder: Path, names: list[str]) -> Path:
    path = folder / "suite-1.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return path


def test_a_wheel_of_every_package_and_nothing_else_passes(
    wheels: ModuleType, tmp_path: Path
) -> None:
    wheels.check_contents(wheel_of(tmp_path, HELD), TRACKED)


@pytest.mark.parametrize("lacking", [name for name in HELD if "METADATA" not in name])
def test_what_a_wheel_lacks_is_named(wheels: ModuleType, tmp_path: Path, lacking: str) -> None:
    wheel = wheel_of(tmp_path, [name for name in HELD if name != lacking])
    with pytest.raises(UserError, match=rf"lacks .*{lacking.split('/')[-1].split('.')[0]}"):
        wheels.check_contents(wheel, TRACKED)


@pytest.mark.parametrize(
    "more",
    [
        "tests/test_one.py",
        "results/module1.csv",
        "one/README.md",
        "one/notes.txt",
        "module2_openmp_conv/csrc/kernel.cpp",
    ],
)
def test_what_a_wheel_has_too_much_is_named(wheels: ModuleType, tmp_path: Path, more: str) -> None:
    with pytest.raises(UserError, match=f"holds {more}, which is no package's"):
        wheels.check_contents(wheel_of(tmp_path, [*HELD, more]), TRACKED)


TELLS = """case "$*" in *version_info*) echo {python};; *"m.version('torch')"*) {torch};; esac"""


@pytest.mark.parametrize(
    ("python", "torch", "reason"),
    [
        ("3.10", "echo 2.13.0", "Python 3.10 is too old"),
        ("3.11", "echo 2.13.0", "Python 3.11 was tried"),
        ("3.13", "exit 1", "it has no torch"),
        ("3.13", "echo 2.8.1+cpu", "its torch 2.8.1+cpu is too old"),
        ("3.13", "echo 2.9.0+cu130", ""),
    ],
)
def test_a_python_is_left_out_with_its_reason(
    wheels: ModuleType, fake_python: FakePython, python: str, torch: str, reason: str
) -> None:
    fake = str(fake_python(TELLS.format(python=python, torch=torch)))
    version = wheels.version_of(fake)
    assert version == python
    assert wheels.why_not(fake, version, {"3.11"}) == reason


def test_a_python_that_is_not_there_is_left_out(
    wheels: ModuleType, fake_python: FakePython
) -> None:
    assert wheels.version_of("no-such-python") == ""
    assert wheels.version_of(str(fake_python("exit 127"))) == ""  # a shim of a version manager
    assert wheels.why_not("no-such-python", "", set()) == "there is none"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_works_where_nothing_of_the_checkout_is() -> None:
    command = [sys.executable, str(SCRIPT), "--portable-only", "--pythons"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    version = "{}.{}".format(*sys.version_info[:2])
    assert done.stdout.startswith(f"{sys.executable}: Python {version}, torch ")
    assert "kernels portable" in done.stdout
