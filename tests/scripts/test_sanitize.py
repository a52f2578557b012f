"""The sanitized copy is built apart, is the one that is tested, and its reports are the status."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

FakePython = Callable[[str], Path]
Calls = Callable[[], list[str]]

# A Python that installs nothing, finds the kernels of its path, and whose pytest tells what is set.
BODY = """
case "$1 $2" in
  "-m pip") mkdir -p "$(echo "$@" | sed 's/.*--target=//; s/ .*//')";;
  "-c "*) {finds};;
  "-m pytest") echo "$LD_PRELOAD|$ASAN_OPTIONS|$TSAN_OPTIONS|$PWD" > "${{0%/*}}/set"; {tests};;
esac
"""
ITS_OWN = 'echo "$PYTHONPATH/module2_openmp_conv/_kernels.so"'


@pytest.fixture
def sanitize(
    environment: ModuleType,
    sanitize_script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    fake_python: FakePython,
) -> Callable[..., int]:
    """`sanitize(*arguments, finds=, tests=)`: the status; what Python finds, what pytest does."""
    monkeypatch.delenv("CXX", raising=False)

    def run(*arguments: str, finds: str = ITS_OWN, tests: str = "exit 0") -> int:
        python = fake_python(BODY.format(finds=finds, tests=tests))
        if "CXX" not in os.environ:
            compiler = tmp_path / "compiler"  # has every library
            compiler.write_text('#!/bin/sh\necho "/nowhere/${1#-print-file-name=}"\n')
            compiler.chmod(0o755)
            monkeypatch.setenv("CXX", str(compiler))
        monkeypatch.setattr(environment, "CHECKOUT", tmp_path)
        monkeypatch.setattr(environment, "prepare", lambda extras: python)
        status: int = sanitize_script.main(list(arguments))
        return status

    return run


@pytest.fixture
def settings(tmp_path: Path) -> Callable[[], list[str]]:
    """What pytest saw of LD_PRELOAD, ASAN_OPTIONS, TSAN_OPTIONS and its folder."""
    return lambda: (tmp_path / "env" / "bin" / "set").read_text().strip().split("|")


@pytest.mark.parametrize(
    ("option", "define", "library"),
    [
        ([], "CROSSSCALE_SANITIZE=address,undefined", "libasan"),
        (["--thread"], "CROSSSCALE_SANITIZE=thread", "libtsan"),
        (["--portable-only"], "CROSSSCALE_PORTABLE_ONLY=ON", ""),
    ],
)
def test_each_kind_is_built_apart_and_tested_with_its_library(
    sanitize: Callable[..., int],
    settings: Callable[[], list[str]],
    calls: Calls,
    tmp_path: Path,
    option: list[str],
    define: str,
    library: str,
) -> None:
    assert sanitize(*option, "-k", "views") == 0
    pip, _, pytests = calls()
    assert f"cmake.define.{define} " in pip
    assert "--editable" not in pip
    assert pytests.endswith(f"-m kernels -k views {tmp_path}/tests/module2_openmp_conv")
    preload, address, thread, folder = settings()
    assert library in preload
    assert bool(preload) == bool(library)
    assert bool(address) == (library == "libasan")
    assert bool(thread) == (library == "libtsan")
    assert folder in pip  # not the checkout, whose modules would be found there
    assert folder != str(tmp_path)
    assert (Path(folder) / "sitecustomize.py").is_file()


def test_a_report_or_a_failure_is_the_status(sanitize: Callable[..., int]) -> None:
    assert sanitize(tests="exit 66") == 66


def test_other_kernels_than_those_built_are_not_tested(
    sanitize: Callable[..., int], calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sanitize(finds="echo /elsewhere/module2_openmp_conv/_kernels.so") == 2
    assert "are not those that run (/elsewhere/" in capsys.readouterr().err
    assert not any("-m pytest" in call for call in calls())


def test_kernels_that_cannot_be_loaded_are_told(
    sanitize: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sanitize(finds="echo 'ImportError: undefined symbol' >&2; exit 1") == 2
    assert capsys.readouterr().err.endswith("ImportError: undefined symbol\n")


def test_a_compiler_without_sanitizers_is_told(
    sanitize: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CXX", "echo")  # prints what it is asked for, as GCC does of what it lacks
    assert sanitize() == 2
    assert "the compiler echo has no libasan.so" in capsys.readouterr().err


def test_the_checkouts_own_install_is_taken_out_of_the_way(
    sanitize_script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ScikitBuildRedirectingFinder:
        """As scikit-build-core's editable installs are found."""

    other = object()
    monkeypatch.setattr(sys, "meta_path", [ScikitBuildRedirectingFinder(), other])
    exec(sanitize_script.SITE)
    assert sys.meta_path == [other]
