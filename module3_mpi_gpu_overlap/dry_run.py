"""`python -m module3_mpi_gpu_overlap.bench --dry-run`: the runs of the bench, in words."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import tyro

from crossscale_results.dry_run import HEADING, device_line, empty_lines, rows_line
from crossscale_results.provenance import usable_cores
from crossscale_results.table import Table
from module3_mpi_gpu_overlap.columns import ALLREDUCE, ROUNDS, SCORES, WIRE, ScoreKey
from module3_mpi_gpu_overlap.config import AllreduceConfig, BenchConfig, TrainConfig
from module3_mpi_gpu_overlap.device import device_of
from module3_mpi_gpu_overlap.report import empty_columns_of
from module3_mpi_gpu_overlap.wire_bench import FORMATS, WireBenchConfig

Job = tuple[int, int, list[str]]  # ranks, repeat, module and arguments
_TEST_SETS = get_args(get_type_hints(ScoreKey)["test_set"])


def render_plan(config: BenchConfig, jobs: Sequence[Job], mpiexec: Path) -> str:
    """Devices, files, every run in its order, and what stays empty, and why."""
    worlds = sorted({ranks for ranks, _, _ in jobs})
    device = device_of(0, TrainConfig().device)
    rows = Counter[Table]()
    for ranks, _, arguments in jobs:
        rows.update(rows_of(ranks, tuple(arguments)))
    empty = {_ranks(world): empty_columns_of(world, device.type) for world in worlds}
    lines = [
        HEADING,
        device_line(device.type),
        *_placing_lines(max(worlds), device.type),
        f"ranks are started by {mpiexec.name}, on {usable_cores()} cores",
        f"profile {config.profile}, seed {config.seed}: {len(jobs)} runs, each of fresh processes",
        *(rows_line(table, config.results_dir, count) for table, count in rows.items()),
        *(
            f"repeat {repeat}, {_ranks(ranks)}: {' '.join(arguments)}"
            for ranks, repeat, arguments in jobs
        ),
        *empty_lines(ROUNDS, empty),
    ]
    return "\n".join(lines)


@cache
def rows_of(ranks: int, arguments: tuple[str, ...]) -> dict[Table, int]:
    """How many rows a run appends to which table; its options are read as the run reads them."""
    command, *options = arguments
    if command == "train":
        rounds = tyro.cli(TrainConfig, args=options).rounds
        return {ROUNDS: rounds * ranks, SCORES: len(_TEST_SETS)}
    if command == "allreduce":
        alone = tyro.cli(AllreduceConfig, args=options)
        return {ALLREDUCE: len(alone.sizes) * len(alone.sums) * alone.samples}
    wires = tyro.cli(WireBenchConfig, args=options)
    return {WIRE: len(wires.sizes) * len(FORMATS) * wires.samples}


def _placing_lines(ranks: int, device_type: str) -> list[str]:
    """Which rank computes where, if all run on this node."""
    if device_type == "cpu":
        return []
    places = [device_of(rank, TrainConfig().device) for rank in range(ranks)]
    shared = " (shared: such worlds are marked oversubscribed)" * (len(set(places)) < ranks)
    placed = ", ".join(f"rank {rank} on {place}" for rank, place in enumerate(places))
    return [f"of {_ranks(ranks)} on one node: {placed}{shared}"]


def _ranks(world: int) -> str:
    return f"{world} rank{'' if world == 1 else 's'}"
