"""`--dry-run`: the runs are the bench's own, their rows are as many as the runs write."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from crossscale_data import Source
from crossscale_results import dry_run as words
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap import bench as bench_module
from module3_mpi_gpu_overlap.bench import bench
from module3_mpi_gpu_overlap.columns import ALLREDUCE, ROUNDS, SCORES, WIRE, RoundMeasurement
from module3_mpi_gpu_overlap.config import GRIDS, BenchConfig, Grid
from module3_mpi_gpu_overlap.report import empty_columns_of

TINY = Grid(
    world_sizes=(1, 2),
    modes=("G0",),
    rounds=1,
    local_steps=1,
    shared_steps=2,
    shared_modes=("G0",),
    repeats=1,
    allreduce_sizes=(1000,),
    wire_sizes=(1000,),
)
JOB = re.compile(r"repeat (\d+), (\d+) ranks?: (\w+) (.*)")
Runs = list[tuple[int, int, str]]


def planned(config: BenchConfig, capsys: pytest.CaptureFixture[str]) -> tuple[str, Runs]:
    """What `--dry-run` prints, and the runs in it: ranks, repeat, module with its arguments."""
    capsys.readouterr()
    bench(replace(config, dry_run=True))
    screen = capsys.readouterr().out
    found = [JOB.fullmatch(line) for line in screen.splitlines()]
    return screen, [(int(m[2]), int(m[1]), f"{m[3]} {m[4]}") for m in found if m]


@pytest.mark.parametrize("profile", ["quick", "paper"])
def test_the_runs_are_those_that_are_started(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    short_synthetic: Source,
    mpiexec: Path,
    profile: str,
) -> None:
    started: Runs = []

    def note(ranks: int, arguments: list[str], limit_s: float) -> str:
        repeat = int(arguments[arguments.index("--repeat") + 1])
        own = arguments[1 : arguments.index("--data-dir")]
        started.append((ranks, repeat, " ".join(own).removeprefix("module3_mpi_gpu_overlap.")))
        return ""

    monkeypatch.setattr(bench_module, "run_ranks", note)
    config = BenchConfig(profile=profile, data_dir=short_synthetic.directory)  # type: ignore[arg-type]
    screen, runs = planned(config, capsys)
    assert started == []
    bench(config)
    assert runs == started
    assert f": {len(started)} runs, each of fresh processes" in screen


@pytest.mark.mpi
@pytest.mark.slow
def test_as_many_rows_are_written_as_were_planned_and_as_empty(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    short_synthetic: Source,
    tmp_path: Path,
    mpiexec: Path,
) -> None:
    monkeypatch.setitem(GRIDS, "quick", TINY)
    results_dir = tmp_path / "results"
    config = BenchConfig(data_dir=short_synthetic.directory, results_dir=results_dir)
    screen, runs = planned(config, capsys)
    assert not results_dir.exists()
    bench(config)
    for table in (ROUNDS, SCORES, ALLREDUCE, WIRE):
        count = len(read_table(table, results_dir))
        assert f"{results_dir / table.name}.csv: {count} rows" in screen
    rounds = read_table(ROUNDS, results_dir)
    trained = [(ranks, repeat) for ranks, repeat, what in runs if what.startswith("train ")]
    assert sorted(trained) == sorted(
        (int(rows["world_size"].iloc[0]), int(rows["repeat"].iloc[0]))
        for _, rows in rounds.groupby("run_id")
    )
    for world, rows in rounds.groupby("world_size"):
        names = [field.name for field in fields(RoundMeasurement)]
        empty = {name for name in names if rows[name].isna().all()}
        device = rows["device_type"].iloc[0]
        assert empty - {"thread_progress_percent"} == (
            empty_columns_of(int(world), device).keys() - {"thread_progress_percent"}  # type: ignore[call-overload]
        )


def test_without_an_accelerator_its_columns_are_said_to_stay_empty(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mpiexec: Path
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    screen, _ = planned(BenchConfig(), capsys)
    assert "device: cpu" in screen
    assert "accelerator_copies_s, accelerator_memory_bytes: no accelerator was used" in screen


def test_accelerators_are_named_with_who_shares_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mpiexec: Path
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(words, "accelerator", lambda: "TEST GPU")
    screen, _ = planned(BenchConfig(), capsys)
    assert "device: cuda, TEST GPU\n" in screen
    assert "of 2 ranks on one node: rank 0 on cuda:0, rank 1 on cuda:1\n" in screen
    assert "accelerator_copies_s" not in screen
    screen, _ = planned(BenchConfig(profile="paper"), capsys)
    assert "rank 2 on cuda:0" in screen
    assert "(shared: such worlds are marked oversubscribed)" in screen
