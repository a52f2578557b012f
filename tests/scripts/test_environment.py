"""The environment is filled once, keeps the torch it has, and says in a sentence why it cannot."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

FakePython = Callable[[str], Path]
Calls = Callable[[], list[str]]

CUDA_TORCH = 'case "$2" in *importlib.metadata*) echo 2.12.1+cu130;; esac'
NO_TORCH = 'case "$2" in *importlib.metadata*) exit 1;; esac'


@pytest.fixture
def use(environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], ModuleType]:
    """`use(python)`: the environment module, run as if by that Python in its own environment."""

    def as_if(python: Path) -> ModuleType:
        monkeypatch.setattr(environment, "_environments_python", lambda: python)
        return environment

    return as_if


def pip_calls(calls: Calls) -> list[str]:
    return [line for line in calls() if line.startswith("-m pip install")]


def test_a_torch_that_is_there_stays(
    use: Callable[[Path], ModuleType], fake_python: FakePython, calls: Calls
) -> None:
    python = fake_python(CUDA_TORCH)
    assert use(python).prepare("mpi") == python
    (suite,) = pip_calls(calls)  # torch itself is not installed
    assert suite.endswith("[mpi]")
    constraint = Path(suite.split("--constraint ")[1].split()[0])
    assert constraint.read_text() == "torch==2.12.1+cu130\n"


def test_where_there_is_no_torch_the_tested_one_is_installed_first(
    use: Callable[[Path], ModuleType], fake_python: FakePython, calls: Calls
) -> None:
    environment = use(fake_python(NO_TORCH))
    environment.prepare("mpi")
    first, second = pip_calls(calls)
    assert first.endswith(environment.TORCH)
    assert "--editable" in second


def test_nothing_is_installed_twice_unless_its_sources_changed(
    use: Callable[[Path], ModuleType],
    fake_python: FakePython,
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    environment = use(fake_python(CUDA_TORCH))
    for name in environment.BUILT_FROM:
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (environment.CHECKOUT / name).is_dir():
            target.mkdir()
            (target / "kernel.cpp").write_text("int one;")
        else:
            target.write_text("text")
    monkeypatch.setattr(environment, "CHECKOUT", tmp_path / "checkout")
    environment.prepare("mpi")
    environment.prepare("mpi")
    assert len(pip_calls(calls)) == 1
    environment.prepare("dev,mpi")
    assert len(pip_calls(calls)) == 2
    (tmp_path / "checkout" / "module2_openmp_conv" / "csrc" / "kernel.cpp").write_text("int two;")
    environment.prepare("dev,mpi")
    assert len(pip_calls(calls)) == 3
    monkeypatch.setattr(environment, "installed_torch", lambda python: "2.13.1")
    environment.prepare("dev,mpi")  # the extension is built for one torch
    assert len(pip_calls(calls)) == 4


def test_extras_that_were_asked_for_before_stay_and_count(
    use: Callable[[Path], ModuleType],
    fake_python: FakePython,
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`scripts/test` and `scripts/reproduce` in turns build the kernels once."""
    environment = use(fake_python(CUDA_TORCH))
    environment.prepare("mpi,privacy")
    for _ in range(2):
        environment.prepare("dev,mpi,privacy")
        environment.prepare("mpi,privacy")
    assert [line.split("[")[-1] for line in pip_calls(calls)] == [
        "mpi,privacy]",
        "dev,mpi,privacy]",
    ]
    monkeypatch.setattr(environment, "installed_torch", lambda python: "2.13.1")
    environment.prepare("privacy")  # builds anew, and keeps the others in step
    environment.prepare("dev,mpi")
    assert [line.split("[")[-1] for line in pip_calls(calls)[2:]] == ["dev,mpi,privacy]"]


@pytest.mark.parametrize("content", ["", "one line", "three\n\nlines", "\xff"])
def test_a_damaged_record_of_what_is_installed_is_as_good_as_none(
    use: Callable[[Path], ModuleType], fake_python: FakePython, calls: Calls, content: str
) -> None:
    python = fake_python(CUDA_TORCH)
    (python.parent.parent / "crossscale-installed.txt").write_bytes(content.encode("latin-1"))
    use(python).prepare("mpi")
    assert len(pip_calls(calls)) == 1


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("ERROR: [Errno 28] No space left on device", "the disk is full"),
        ("OSError: [Errno 122] Disk quota exceeded", "the disk is full"),
        ("NewConnectionError: Failed to establish a connection", "package index cannot be reached"),
        ("module 2 needs GCC, whose OpenMP calls", "module 2 needs GCC"),
        ("fatal error: Python.h: No such file", "Python's headers are missing"),
        ("first line\nERROR: something else", "pip failed: ERROR: something else"),
    ],
)
def test_a_failed_installation_is_one_sentence_and_tried_again_next_time(
    use: Callable[[Path], ModuleType],
    fake_python: FakePython,
    calls: Calls,
    output: str,
    sentence: str,
) -> None:
    shown = "; ".join(f"echo '{line}'" for line in output.replace("'", "").splitlines())
    python = fake_python(f'{CUDA_TORCH}\ncase "$2" in pip) {shown}; exit 1;; esac')
    environment = use(python)
    for _ in range(2):
        with pytest.raises(environment.SetupError, match=sentence.replace("'", "'?")) as caught:
            environment.prepare("mpi")
        assert "\n" not in str(caught.value)
    assert len(pip_calls(calls)) == 2
    log = (python.parent.parent / "crossscale-pip.log").read_text()
    assert output.splitlines()[-1] in log


def test_a_torch_that_is_too_old_is_left_to_its_owner(
    use: Callable[[Path], ModuleType], fake_python: FakePython, calls: Calls
) -> None:
    environment = use(fake_python('case "$2" in *importlib.metadata*) echo 2.1.0+cu121;; esac'))
    with pytest.raises(environment.SetupError, match=r"torch 2.1.0\+cu121 is installed"):
        environment.prepare("mpi")
    assert not pip_calls(calls)


def test_without_a_compiler_nothing_is_begun(
    use: Callable[[Path], ModuleType],
    fake_python: FakePython,
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = use(fake_python(CUDA_TORCH))
    monkeypatch.setenv("CXX", "no-such-compiler -pipe")
    with pytest.raises(environment.SetupError, match="compiler no-such-compiler was not found"):
        environment.prepare("mpi")
    assert not calls()


def test_an_old_python_is_told(environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(environment.SetupError, match=r"Python 3\.9 is too old.*3\.11"):
        environment.prepare("mpi")


def test_the_environment_that_runs_it_is_used(environment: ModuleType) -> None:
    if sys.prefix == sys.base_prefix:
        pytest.skip("these tests run in no virtual environment")
    assert environment._environments_python() == Path(sys.executable)


def test_a_systems_torch_is_seen_from_the_new_environment(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[list[str]] = []

    def run(command: list[str], **_: object) -> object:
        made.append(command)
        raise KeyboardInterrupt  # far enough

    monkeypatch.setattr(environment, "CHECKOUT", tmp_path)
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setattr(environment.subprocess, "run", run)
    for version, option in ((None, False), ("2.12.0+cu130", True)):
        monkeypatch.setattr(environment, "installed_torch", lambda _, found=version: found)
        with pytest.raises(KeyboardInterrupt):
            environment._environments_python()
        assert ("--system-site-packages" in made[-1]) is option
        assert made[-1][-1] == str(tmp_path / ".venv")
