"""The bench end to end: valid rows, complete, with reasons for what was not measured."""

import json
import time
from contextlib import redirect_stdout
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crossscale_data import Source
from crossscale_results import UserError, collect, read_table
from module1_locality import fresh_process
from module1_locality.bench import bench
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE, LadderMeasurement
from module1_locality.config import Bench, grid_of
from module1_locality.host_counters import HostCounters
from module1_locality.lanes import HostLane
from module1_locality.plan import rounds_of
from module1_locality.result_rows import empty_columns_of
from module1_locality.rungs import LADDER, RUNGS, why_not

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
VOID = {rung.name for rung in LADDER if why_not(rung, has_accelerator=False)}


@pytest.fixture(scope="module")
def results(short_synthetic: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run's results, with what it printed in `screen.txt`."""
    results_dir = tmp_path_factory.mktemp("results")
    with (results_dir / "screen.txt").open("w") as screen, redirect_stdout(screen):
        bench(Bench(data_dir=short_synthetic.directory, results_dir=results_dir, **SMALL))
    return results_dir


def measured(results: Path) -> pd.DataFrame:
    ladder = read_table(LADDER_TABLE, results)
    return ladder[ladder["step_ms"].notna()]


def test_every_rung_has_its_rows(results: Path) -> None:
    ladder = read_table(LADDER_TABLE, results)
    counts = ladder.groupby("rung").size().to_dict()
    assert counts == {name: 2 if name in VOID else 4 for name in RUNGS}
    assert (ladder["profile"] == "custom").all()
    assert ladder["run_id"].nunique() == 1
    assert ladder["steps_count"].tolist() == (256 // ladder["batch_size"]).tolist()
    assert set(ladder.loc[ladder["rung"] == "A0", "dataset"]) == {"synthetic"}


def test_each_way_of_assembly_is_measured_once(results: Path) -> None:
    assembly = read_table(ASSEMBLY_TABLE, results)
    methods = set(assembly["method"])
    assert {"memcpy", "A0", "A0-workers", "A1", "A2", "A3", "A5-order", "A6-gather"} <= methods
    assert not methods & {"A4", "A5", "A5-ring", "C0", "C1", *VOID}
    assert (assembly.groupby("method").size() == 4).all()


def test_the_screen_names_the_dataset_and_what_was_not_measured(results: Path) -> None:
    screen = (results / "screen.txt").read_text()
    assert "dataset=synthetic" in screen
    assert "A4             not measured: no accelerator" in screen
    assert "ceiling" in screen


def test_rungs_are_interleaved_in_fresh_processes(results: Path) -> None:
    rounds = measured(results).groupby(["repeat", "batch_size"], sort=False)
    assert [key for key, _ in rounds] == [(0, 8), (0, 32), (1, 32), (1, 8)]
    started = [rows["rung"].iloc[0] for _, rows in rounds]
    assert started == ["A0", "A0", "A0-workers", "A0-workers"]
    assert all(set(rows["rung"]) == set(RUNGS) - VOID for _, rows in rounds)


def test_the_control_of_the_same_round_stands_beside_each_row(results: Path) -> None:
    for _, rows in measured(results).groupby(["repeat", "batch_size"]):
        control_ms = rows.loc[rows["rung"] == "C0", "step_ms"].item()
        assert (rows["compute_only_step_ms"] == control_ms).all()
        fed = rows[rows["rung"] != "C0"]
        exposed = (fed["step_ms"] - control_ms).astype(float)
        for column in ("exposed_ms", "exposed_assembly_ms"):  # nothing is copied
            pd.testing.assert_series_equal(fed[column].astype(float), exposed, check_names=False)


def test_nothing_unmeasured_is_a_number(results: Path) -> None:
    ladder = read_table(LADDER_TABLE, results).set_index("rung")
    for column in ("copy_ms", "exposed_copy_ms", "copied_gb_per_s"):
        assert ladder[column].isna().all()
    assert ladder.loc["A4", "trained_samples_per_s"].isna().all()
    assert ladder.loc["A4", "not_measured"].str.contains("step_ms: no accelerator").all()
    assert ladder.loc["A0-workers", "assembly_ms"].isna().all()
    assert ladder.loc["C0", "exposed_ms"].isna().all()
    assert ladder.loc[["A0", "A1", "A2", "A3", "A5", "C1"], "assembly_ms"].notna().all()
    assert not ladder["page_locked"].any()


def test_blocks_alone_leave_batches_of_one_patient(results: Path) -> None:
    ladder = measured(results)
    at_32 = ladder[ladder["batch_size"] == 32].groupby("rung")["records_per_batch_count"].mean()
    assert at_32["A2-blocks"] < at_32["A2"] < at_32["A0"]
    assert at_32["A2-preshuffled"] == pytest.approx(at_32["A0"], rel=0.1)


def test_each_measured_rung_has_a_trace(results: Path) -> None:
    traces = sorted(path.name for path in (results / "traces").iterdir())
    assert traces == sorted(f"module1_{name}.json" for name in set(RUNGS) - VOID)
    events = json.loads((results / "traces" / "module1_A5.json").read_text())["traceEvents"]
    counts = pd.Series([event["name"] for event in events if event["ph"] == "X"]).value_counts()
    assert counts["wait"] == counts["compute"] == 8  # 256 windows in batches of 32
    assert counts["assembly"] >= 4


def test_the_control_is_measured_whatever_is_chosen(
    short_synthetic: Source, tmp_path: Path
) -> None:
    few = SMALL | {"repeats": 1, "batch_sizes": (32,)}
    bench(Bench(data_dir=short_synthetic.directory, results_dir=tmp_path, rungs=("A2",), **few))
    ladder = read_table(LADDER_TABLE, tmp_path)
    assert set(ladder["rung"]) == {"A2", "C0"}
    assert ladder["ceiling_ratio"].isna().all()


def test_too_little_data_is_one_sentence(short_synthetic: Source, tmp_path: Path) -> None:
    huge = SMALL | {"fragment_windows": 1 << 20}
    with pytest.raises(UserError, match="training windows where 1048608 are needed"):
        bench(Bench(data_dir=short_synthetic.directory, results_dir=tmp_path, **huge))
    assert list(tmp_path.iterdir()) == []


PROVENANCE = collect("synthetic", "custom")


def test_a_repeat_that_fails_ends_with_its_sentence(tmp_path: Path) -> None:
    config = Bench(data_dir=tmp_path / "gone", results_dir=tmp_path, **SMALL)
    with pytest.raises(UserError, match="gone"):
        fresh_process.repeat_in_fresh_process(config, PROVENANCE, 0, lambda: None)


def test_a_repeat_that_dies_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh_process, "_work", time.sleep)  # which takes no four arguments
    config = Bench(data_dir=tmp_path, results_dir=tmp_path, **SMALL)
    with pytest.raises(UserError, match="the process of repeat 1 ended with 1: see what"):
        fresh_process.repeat_in_fresh_process(config, PROVENANCE, 1, lambda: None)


def test_a_folder_that_cannot_be_made_is_one_sentence(
    short_synthetic: Source, tmp_path: Path
) -> None:
    (tmp_path / "traces").write_text("in the way")
    few = SMALL | {"rungs": ("A5",), "data_dir": short_synthetic.directory}
    config = Bench(results_dir=tmp_path, **few)
    with pytest.raises(UserError, match=r"repeat 0 cannot go on: .*traces.*: (File|Not)"):
        fresh_process.repeat_in_fresh_process(config, PROVENANCE, 0, lambda: None)


def test_a_first_repeat_that_fails_leaves_no_rows(
    short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("module1_locality.bench.repeat_in_fresh_process", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench(Bench(data_dir=short_synthetic.directory, results_dir=tmp_path, **SMALL))
    assert list(tmp_path.iterdir()) == []


def test_the_plan_is_what_was_run(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Bench(results_dir=results, dry_run=True, **SMALL)
    grid, lane = grid_of(asked), HostLane()
    planned = [done for repeat in range(2) for done in rounds_of(grid, lane, repeat)]
    tables = (
        (measured(results), "rung", lambda done: [rung.name for rung in done.trained]),
        (
            read_table(ASSEMBLY_TABLE, results),
            "method",
            lambda done: ["memcpy", *(rung.name for rung in done.assembled)],
        ),
    )
    for rows, column, names in tables:
        run = rows.groupby(["repeat", "batch_size"], sort=False)[column].apply(list)
        assert run.to_dict() == {(done.repeat, done.batch_size): names(done) for done in planned}
    bench(asked)
    screen = capsys.readouterr().out
    for table in (LADDER_TABLE, ASSEMBLY_TABLE):
        count = len(read_table(table, results))
        assert f"{results}/{table.name}.csv: {count} rows" in screen


def test_the_plan_knows_which_columns_stay_empty(results: Path) -> None:
    counts = HostCounters().so_far()
    for rung, rows in measured(results).groupby("rung"):
        planned = empty_columns_of(RUNGS[rung], Bench(), HostLane(), counts)
        names = [field.name for field in fields(LadderMeasurement)]
        assert {name for name in names if rows[name].isna().all()} == set(planned), rung
