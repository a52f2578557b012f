"""Rounds, the collective and the wires over world sizes: `python -m module3_mpi_gpu_overlap.bench`.

Every run is a fresh set of processes, and the contestants take turns: a repetition runs each of
them once before the next begins.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from crossscale_results.cli import run
from crossscale_results.provenance import usable_cores
from module3_mpi_gpu_overlap.child_process import options_of, shared_options
from module3_mpi_gpu_overlap.config import GRIDS, BenchConfig, Experiment, Grid
from module3_mpi_gpu_overlap.dry_run import render_plan
from module3_mpi_gpu_overlap.ladder import LADDER, Mode, Precision
from module3_mpi_gpu_overlap.mpiexec import find_mpiexec, run_ranks
from module3_mpi_gpu_overlap.prepared_source import prepared_source

CHILD_LIMIT_S = 900.0


def bench(config: BenchConfig) -> None:
    """Run the profile's grid, each child of which appends its own rows; or print the plan.

    Raises:
        UserError: there is no mpiexec, or a child failed; the rows before are kept.
    """
    mpiexec = find_mpiexec()
    grid = GRIDS[config.profile]
    jobs = list(_jobs(grid, config.repeats or grid.repeats))
    if config.dry_run:
        print(render_plan(config, jobs, mpiexec))
        return
    source = prepared_source(config.data_dir)
    print(f"ranks are started by {mpiexec}, on {usable_cores()} cores")
    with tqdm(jobs, desc="bench", unit="run") as bar:
        for ranks, repeat, arguments in bar:
            bar.set_postfix_str(f"{ranks} ranks, {arguments[0]} {' '.join(arguments[1:3])}")
            run_ranks(
                ranks,
                [
                    "-m",
                    f"module3_mpi_gpu_overlap.{arguments[0]}",
                    *arguments[1:],
                    *_common(config, source.directory, ranks, repeat),
                ],
                CHILD_LIMIT_S,
            )
    print(f"{len(jobs)} runs done; rows are in {config.results_dir}/module3_*.csv")


def _jobs(grid: Grid, repeats: int) -> Iterator[tuple[int, int, list[str]]]:
    """(ranks, repeat, module and arguments) in the order they are run."""
    for repeat in range(repeats):
        for ranks in grid.world_sizes:
            for mode in _modes(grid, ranks):
                yield ranks, repeat, _rounds(grid, mode, "bench", grid.local_steps)
            for mode in grid.shared_modes if ranks > 1 else grid.shared_modes[:1]:
                share = grid.shared_steps // ranks
                yield ranks, repeat, _rounds(grid, mode, "strong-scaling", share)
            yield ranks, repeat, ["allreduce", "--sizes", *map(str, grid.allreduce_sizes)]
            if ranks > 1:
                yield ranks, repeat, ["wire_bench", "--sizes", *map(str, grid.wire_sizes)]


def _rounds(grid: Grid, mode: Mode, experiment: Experiment, local_steps: int) -> list[str]:
    given = {
        "mode": mode,
        "rounds": grid.rounds,
        "local-steps": local_steps,
        "experiment": experiment,
    }
    return ["train", *options_of(given)]


def _modes(grid: Grid, ranks: int) -> tuple[Mode, ...]:
    """One rank communicates with nobody: there the first mode of a precision stands for all."""
    if ranks > 1:
        return grid.modes
    first_of: dict[Precision, Mode] = {}
    for mode in grid.modes:
        first_of.setdefault(LADDER[mode].precision, mode)
    return tuple(first_of.values())


def _common(config: BenchConfig, data_dir: Path, ranks: int, repeat: int) -> list[str]:
    return options_of({**shared_options(config, data_dir, repeat), "ranks": ranks})


def main() -> int:
    """Parse the command line and run the bench."""
    return run(
        BenchConfig,
        bench,
        prog="python -m module3_mpi_gpu_overlap.bench",
        description="What of a federated round is communication, by world size and mode.",
    )


if __name__ == "__main__":
    sys.exit(main())
