"""The bench end to end: valid rows, complete, with reasons for what was not measured."""

from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crossscale_data import Source
from crossscale_results import UserError, read_table
from module1_locality import conditions
from module1_locality.bench import bench
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.config import Bench
from module1_locality.training_windows import TrainingWindows

SMALL: dict[str, Any] = {
    "batch_sizes": (8, 32),
    "repeats": 2,
    "fragment_windows": 256,
    "assembly_windows": 256,
    "block_windows": 16,
    "buffer_blocks": 4,
    "warmup_steps": 1,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def toy_database(learnable_windows: TrainingWindows) -> Iterator[None]:
    """No database is looked for: the bench is given learnable windows."""
    source = Source(Path("nowhere"), "synthetic", "0" * 16, "made for the test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditions, "find_source", lambda _: source)
        patch.setattr(conditions, "load_training_windows", lambda _: learnable_windows)
        yield


@pytest.fixture(scope="module")
def results(toy_database: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run's results, with what it printed in `screen.txt`."""
    results_dir = tmp_path_factory.mktemp("results")
    with (results_dir / "screen.txt").open("w") as screen, redirect_stdout(screen):
        bench(Bench(results_dir=results_dir, **SMALL))
    return results_dir


def test_every_rung_has_its_rows(results: Path) -> None:
    ladder = read_table(LADDER_TABLE, results)
    counts = ladder.groupby("rung").size().to_dict()
    measured = dict.fromkeys(("A0", "A0-workers", "A1", "A2", "A3", "A5", "C0"), 4)
    assert counts == measured | {"A4": 2}
    assert (ladder["profile"] == "custom").all()
    assert ladder["steps_count"].tolist() == (256 // ladder["batch_size"]).tolist()
    assembly = read_table(ASSEMBLY_TABLE, results)
    assert assembly.groupby("method").size().to_dict() == dict.fromkeys(
        ("memcpy", "A0", "A0-workers", "A1", "A2", "A3"), 4
    )


def test_the_screen_names_the_dataset_and_what_was_not_measured(results: Path) -> None:
    screen = (results / "screen.txt").read_text()
    assert "dataset=synthetic" in screen
    assert "A4          not measured: no accelerator" in screen
    assert "ceiling" in screen


def test_rungs_are_interleaved(results: Path) -> None:
    ladder = read_table(LADDER_TABLE, results)
    rounds = ladder[ladder["step_ms"].notna()].groupby(["repeat", "batch_size"], sort=False)
    assert [key for key, _ in rounds] == [(0, 8), (0, 32), (1, 8), (1, 32)]
    started = [rows["rung"].iloc[0] for _, rows in rounds]
    assert started == ["A0", "A0", "A0-workers", "A0-workers"]
    assert all(rows["rung"].nunique() == 7 for _, rows in rounds)


def test_the_control_of_the_same_round_stands_beside_each_row(results: Path) -> None:
    ladder = read_table(LADDER_TABLE, results)
    for _, rows in ladder[ladder["step_ms"].notna()].groupby(["repeat", "batch_size"]):
        control_ms = rows.loc[rows["rung"] == "C0", "step_ms"].item()
        assert (rows["compute_only_step_ms"] == control_ms).all()
        fed = rows[rows["rung"] != "C0"]
        exposed = (fed["step_ms"] - control_ms).astype(float)
        pd.testing.assert_series_equal(fed["exposed_ms"].astype(float), exposed, check_names=False)


def test_nothing_unmeasured_is_a_number(results: Path) -> None:
    ladder = read_table(LADDER_TABLE, results).set_index("rung")
    assert ladder["copy_ms"].isna().all()
    assert ladder["copied_gb_per_s"].isna().all()
    assert ladder.loc["A4", "trained_samples_per_s"].isna().all()
    assert ladder.loc["A4", "not_measured"].str.contains("step_ms: no accelerator").all()
    assert ladder.loc["A0-workers", "assembly_ms"].isna().all()
    assert ladder.loc["C0", "exposed_ms"].isna().all()
    assert ladder.loc[["A0", "A1", "A2", "A3", "A5"], "assembly_ms"].notna().all()
    assert not ladder["page_locked"].any()


def test_the_control_is_measured_whatever_is_chosen(toy_database: None, tmp_path: Path) -> None:
    bench(Bench(results_dir=tmp_path, rungs=("A2",), **SMALL))
    assert set(read_table(LADDER_TABLE, tmp_path)["rung"]) == {"A2", "C0"}


def test_too_little_data_is_one_sentence(toy_database: None, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="600 training windows where 1088 are needed"):
        bench(Bench(results_dir=tmp_path, **SMALL | {"fragment_windows": 1024, "warmup_steps": 2}))
    assert list(tmp_path.iterdir()) == []
