"""`--dry-run`: the plan on a machine with an accelerator and without, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from crossscale_data.source import DATABASE_VARIABLE, HOME_VARIABLE
from crossscale_results import UserError
from crossscale_results import dry_run as words
from module1_locality import dry_run
from module1_locality.bench import bench
from module1_locality.config import Bench
from module1_locality.dry_run import render_plan
from module1_locality.lanes import Lane
from module1_locality.rungs import RUNGS


def test_nothing_is_written_and_no_data_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, str(tmp_path / "missing"))
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    bench(Bench(dry_run=True, device="cpu", results_dir=tmp_path / "results"))
    assert list(tmp_path.iterdir()) == []
    screen = capsys.readouterr().out
    assert "profile quick, seed 0: 5 repeats" in screen
    assert screen.count("\nrepeat ") == 5 * 2


def test_a_wrong_command_line_is_told_as_it_would_be() -> None:
    with pytest.raises(UserError, match="--repeats is 0"):
        render_plan(Bench(repeats=0))


def test_on_an_accelerator_all_is_measured_and_it_is_named(
    monkeypatch: pytest.MonkeyPatch, late_lane: Callable[[], Lane]
) -> None:
    lane = late_lane()
    lane.device = torch.device("cuda")
    monkeypatch.setattr(dry_run, "find_lane", lambda device: lane)
    monkeypatch.setattr(words, "accelerator", lambda: "TEST GPU")
    screen = render_plan(Bench(repeats=1))
    assert "device: cuda, TEST GPU" in screen
    assert "not measured: " not in screen
    assert "no accelerator" not in screen
    assert f"train 16384 windows each: {' '.join(RUNGS)}\n" in screen
    assert f"module1_ladder.csv: {2 * len(RUNGS)} rows" in screen
    assert "events tell no truth (A5-ring)" in screen
