"""A user's bad files: each one clear error, a status that is not zero, and nothing that hangs."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossscale_data import Source, load_windows
from crossscale_data.prepared import prepared_folder
from crossscale_data.records import DS2, TRAIN
from crossscale_data.shard import open_shard
from crossscale_data.source import HOME_VARIABLE
from crossscale_results.cli import EXIT_USER_ERROR, run
from module1_locality.bench import bench
from module1_locality.config import Bench

pytestmark = pytest.mark.timeout(120)

GRID = [
    *("--batch-sizes", "32", "--repeats", "1", "--fragment-windows", "256"),
    *("--assembly-windows", "256", "--block-windows", "16", "--buffer-blocks", "4"),
    *("--device", "cpu"),
]


@pytest.fixture
def shard(short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prepared file of the test's own, to be spoiled."""
    load_windows(short_synthetic)  # prepares it, if no test before has
    prepared = prepared_folder(short_synthetic)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    own = prepared_folder(short_synthetic)
    own.mkdir(parents=True)
    shutil.copy(prepared / "windows.shard", own)
    return own / "windows.shard"


def error_of(
    source: Source,
    results_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *more: str,
) -> str:
    """What the command says on bad input, which must be one line and leave no results."""
    arguments = ["--data-dir", str(source.directory), "--results-dir", str(results_dir), *GRID]
    monkeypatch.setattr(sys, "argv", ["bench", *arguments, *more])
    assert run(Bench, bench, "bench", "") == EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not results_dir.exists()
    return error


def arrays(shard: Path) -> dict[str, Any]:
    """The shard's arrays, writable."""
    return {
        name: np.memmap(shard, array.dtype, "r+", array.offset, array.shape)
        for name, array in open_shard(shard, {}).arrays.items()
    }


def cut(shard: Path) -> str:
    os.truncate(shard, shard.stat().st_size - 4096)
    return "is truncated or damaged"


def of_another_version(shard: Path) -> str:
    with shard.open("r+b") as file:
        file.seek(8)
        file.write((99).to_bytes(4, "little"))
    return "is a prepared file of version 99, this suite reads version 1"


def unreadable(shard: Path) -> str:
    shard.unlink()
    shard.mkdir()  # root may read everything else
    return "windows.shard cannot be read (Is a directory)"


def with_a_nan(shard: Path) -> str:
    parts = arrays(shard)
    row = int(np.flatnonzero(parts["record"] == TRAIN[3])[5])
    parts["samples"][row, 17] = np.nan
    return f"record {TRAIN[3]}, row {row} has nan at sample 17"


def with_an_infinity(shard: Path) -> str:
    parts = arrays(shard)
    row = int(np.flatnonzero(parts["record"] == TRAIN[-1])[-1])
    parts["samples"][row, 499] = -np.inf
    return f"record {TRAIN[-1]}, row {row} has -inf at sample 499"


def without_training_patients(shard: Path) -> str:
    arrays(shard)["record"][:] = DS2[0]
    return "holds no window of a training patient"


@pytest.mark.parametrize(
    "spoil",
    [
        cut,
        of_another_version,
        unreadable,
        with_a_nan,
        with_an_infinity,
        without_training_patients,
    ],
)
def test_a_spoiled_file_is_one_sentence(
    spoil: Any,
    shard: Path,
    short_synthetic: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = spoil(shard)
    assert said in error_of(short_synthetic, tmp_path / "results", monkeypatch, capsys)


def test_a_batch_larger_than_the_data_is_one_sentence(
    shard: Path,
    short_synthetic: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    large = str(2**20)
    more = ("--batch-sizes", large, "--fragment-windows", large, "--assembly-windows", large)
    error = error_of(short_synthetic, tmp_path / "results", monkeypatch, capsys, *more)
    assert "training windows where" in error


COMMAND = [sys.executable, "-m", "module1_locality.bench"]


@pytest.fixture
def running(shard: Path, short_synthetic: Source, tmp_path: Path, request: Any) -> Any:
    """A bench that would run for hours, once its first rows are written."""
    arguments = ["--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path / "r")]
    process = subprocess.Popen(
        [*COMMAND, *arguments, *GRID, "--repeats", "100000", "--rungs", request.param],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "r" / "module1_ladder.csv").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("running", ["A2", "A5"], indirect=True)
def test_a_file_cut_during_the_run_is_one_sentence(running: Any, shard: Path) -> None:
    os.truncate(shard, 4096)
    _, error = running.communicate(timeout=30)
    assert running.returncode == EXIT_USER_ERROR
    said = [line for line in error.splitlines() if "error:" in line]
    assert len(said) == 1
    # In the midst of a repeat, or as the next one's process opens it.
    assert str(shard) in said[0]
    assert "while it was being read" in said[0] or "it is truncated" in said[0]
    assert "Traceback" not in error


@pytest.mark.parametrize("running", ["A5"], indirect=True)
def test_a_file_removed_during_the_run_is_no_harm(
    running: Any, shard: Path, tmp_path: Path
) -> None:
    results = tmp_path / "r" / "module1_ladder.csv"
    shard.unlink()
    before = results.stat().st_size
    deadline = time.monotonic() + 30
    while results.stat().st_size < before + 5000:  # some rounds more
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
