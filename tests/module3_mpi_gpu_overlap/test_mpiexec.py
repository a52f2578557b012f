"""Finding mpiexec and ending what it started."""

import sys
import time
from pathlib import Path

import pytest

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.mpiexec import find_mpiexec, run_ranks


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folder of the running Python, and that of PATH; both empty."""
    python, path = tmp_path / "venv" / "bin", tmp_path / "usr" / "bin"
    path.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(executable(python / "python")))
    monkeypatch.setenv("PATH", str(path))
    return python, path


def test_the_mpiexec_beside_python_comes_before_that_on_path(folders: tuple[Path, Path]) -> None:
    python, path = folders
    on_path = executable(path / "mpiexec")
    assert find_mpiexec() == on_path
    beside = executable(python / "mpiexec")
    assert find_mpiexec() == beside


def test_no_mpiexec_is_one_sentence(folders: tuple[Path, Path]) -> None:
    with pytest.raises(UserError, match="neither beside this Python nor on PATH") as caught:
        find_mpiexec()
    assert "\n" not in str(caught.value)


def test_ranks_that_take_too_long_are_stopped_with_all_they_started(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    alive = tmp_path / "alive"
    script = f"#!/bin/sh\n(/bin/sleep 2; echo yes > {alive}) &\n/bin/sleep 30\n"
    executable(folders[0] / "mpiexec", script)
    start = time.monotonic()
    with pytest.raises(UserError, match=r"did not end in 0\.5 s"):
        run_ranks(2, ["-m", "x"], limit_s=0.5)
    assert time.monotonic() - start < 5
    time.sleep(2.5)
    assert not alive.exists()


def test_a_failure_is_told_by_its_error_line(folders: tuple[Path, Path]) -> None:
    script = "#!/bin/sh\necho noise >&2\necho 'error: the sentence' >&2\necho more >&2\nexit 2\n"
    executable(folders[0] / "mpiexec", script)
    with pytest.raises(UserError, match=r"`mpiexec -n 2 python -m x` .* status 2: the sentence$"):
        run_ranks(2, ["-m", "x"], limit_s=10)


def test_what_rank_0_said_is_returned(folders: tuple[Path, Path]) -> None:
    executable(folders[0] / "mpiexec", '#!/bin/sh\necho "$2 ranks: $4 $5"\n')
    assert run_ranks(3, ["-m", "x"], limit_s=10) == "3 ranks: -m x\n"
