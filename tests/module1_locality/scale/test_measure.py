"""The measurement at scale end to end, small; and that nothing of it stays on the disk."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from crossscale_data import Source
from crossscale_results import UserError, read_table
from module1_locality.scale.config import Scale, check
from module1_locality.scale.fresh_process import Task, in_fresh_process
from module1_locality.scale.measure import measure_scale
from module1_locality.scale.page_cache import COLD_RATIO
from module1_locality.scale.summary import rate_ratio, render_scale
from module1_locality.scale.tiled import open_tiled, write_tiled
from module1_locality.scale_columns import SCALE_TABLE
from module1_locality.training_windows import TrainingWindows

pytestmark = pytest.mark.timeout(120)


def test_a_tiled_shard_holds_the_training_windows_over_and_over(
    learnable_windows: TrainingWindows, tmp_path: Path
) -> None:
    rows = np.arange(100, 400, 3)
    windows = TrainingWindows(learnable_windows.samples, learnable_windows.label, rows)
    assert write_tiled(windows, 3, tmp_path / "a") == (tmp_path / "a").stat().st_size
    tiled = open_tiled(tmp_path / "a")
    assert len(tiled) == 300
    for copy in range(3):
        part = slice(100 * copy, 100 * copy + 100)
        assert (tiled.samples[part] == windows.samples[rows]).all()
        assert (tiled.label[part] == windows.label[rows]).all()


def test_a_disk_without_room_is_one_sentence(
    learnable_windows: TrainingWindows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6))
    with pytest.raises(UserError, match=r"2 copies of the data take 0\.0 GB where the disk has"):
        write_tiled(learnable_windows, 2, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_run_has_every_case_and_leaves_no_shard(short_synthetic: Source, tmp_path: Path) -> None:
    config = Scale(
        data_dir=short_synthetic.directory,
        results_dir=tmp_path / "results",
        scratch_dir=tmp_path,
        rungs=("A2",),
        copies=(1, 2),
        repeats=1,
        batch_size=32,
        fragment_windows=512,
        disk_windows=256,
        block_windows=16,
        buffer_blocks=4,
    )
    measure_scale(config)
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    frame = read_table(SCALE_TABLE, tmp_path / "results")
    cases = set(zip(frame["copies_count"], frame["cache"], strict=True))
    assert cases == {(1, "warm"), (1, "cold"), (2, "warm"), (2, "cold"), (2, "limited")}
    warm = frame[frame["cache"] == "warm"]
    assert (warm["cached_before_ratio"] == 1).all()
    assert (warm["cooled_by"] == "none").all()
    assert (frame["peak_rss_bytes"].dropna() >= frame["anonymous_bytes"].dropna()).all()
    cold = frame[(frame["cache"] == "cold") & frame["assembled_samples_per_s"].notna()]
    assert (cold["cached_before_ratio"] <= COLD_RATIO).all()
    limited = frame[frame["cache"] == "limited"].iloc[0]
    assert "give more copies" in limited["not_measured"]
    text = render_scale(tmp_path / "results")
    assert "A2 at 2 copies, warm" in text
    assert rate_ratio(frame, "A2") > 0


@pytest.mark.parametrize("rung", ["A1", "A2"])
def test_an_order_takes_eight_bytes_a_row(
    learnable_windows: TrainingWindows, tmp_path: Path, rung: str
) -> None:
    write_tiled(learnable_windows, 20, tmp_path / "a")
    task = Task(str(tmp_path / "a"), rung, "warm", 32, 512, 64, 4, 2, seed=0, epoch=0)
    assert 8 * 12000 <= in_fresh_process(task).order < 9 * 12000


def test_a_process_that_fails_says_so(tmp_path: Path) -> None:
    task = Task(str(tmp_path / "gone"), "A2", "warm", 32, 512, 16, 4, 2, seed=0, epoch=0)
    with pytest.raises(UserError, match=r"the process that fed A2 failed: .*gone"):
        in_fresh_process(task)


def test_interrupted_it_leaves_nothing(short_synthetic: Source, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "module1_locality.scale", "--copies", "1", "--repeats", "1000"]
    places = ["--data-dir", str(short_synthetic.directory), "--scratch-dir", str(tmp_path)]
    sizes = ["--batch-size", "32", "--fragment-windows", "512"]
    process = subprocess.Popen(
        [*command, *places, *sizes, "--results-dir", str(tmp_path / "results")],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("scale-*/1.shard")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: the child process too
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert list(tmp_path.glob("scale-*")) == []


def test_numbers_that_cannot_be_are_one_sentence() -> None:
    with pytest.raises(UserError, match="--depth is too small: it must be at least 2"):
        check(Scale(depth=1), 10**6)
    with pytest.raises(UserError, match="C0 feeds nothing"):
        check(Scale(rungs=("C0",)), 10**6)
    with pytest.raises(UserError, match="holds 100 windows"):
        check(Scale(), 100)
    with pytest.raises(UserError, match="must each name"):
        check(Scale(copies=()), 100)
