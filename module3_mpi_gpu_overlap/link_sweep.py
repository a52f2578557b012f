"""From LAN to WAN on one machine: `python -m module3_mpi_gpu_overlap.link_sweep`.

For every rate of a grid, virtual hosts with such links are made, and single messages, sums and
Allreduce are timed on them. Needs the permission that `scripts/namespaces` needs.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tqdm import tqdm
from typing_extensions import Doc

from crossscale_data.source import find_source
from crossscale_results.cli import run
from module3_mpi_gpu_overlap.child_process import options_of, shared_options
from module3_mpi_gpu_overlap.collective_costs import FLOAT_BYTES
from module3_mpi_gpu_overlap.config import NamedDataDir, ResultsDir
from module3_mpi_gpu_overlap.link_columns import Algorithm
from module3_mpi_gpu_overlap.link_measure import ALGORITHM_VARIABLE
from module3_mpi_gpu_overlap.run_on_hosts import run_on_hosts
from module3_mpi_gpu_overlap.virtual_cluster import VirtualCluster, require_permission
from module3_mpi_gpu_overlap.virtual_link import UNSHAPED, link_of

CHILD_LIMIT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class LinkSweepConfig:
    """Which grid is run, and where its rows go."""

    profile: Annotated[
        Literal["quick", "paper"],
        Doc("`quick`: 2 and 4 hosts, under two minutes; `paper`: 2 to 8 hosts, all algorithms."),
    ] = "quick"
    data_dir: NamedDataDir = None
    results_dir: ResultsDir = Path("results")
    seed: Annotated[int, Doc("Seed of the vectors.")] = 0


@dataclass(frozen=True)
class LinkGrid:
    """What a profile runs."""

    rates: tuple[str, ...]
    world_sizes: tuple[int, ...]
    algorithms: tuple[Algorithm, ...]
    sizes: tuple[int, ...]  # numbers of an Allreduce
    samples: int
    repeats: int
    longest_s: float  # a vector that takes longer on the wire is left out


@dataclass(frozen=True)
class Job:
    """One process start."""

    repeat: int
    rate: str
    ranks: int
    algorithm: Algorithm  # `none`: ping-pong and local reduction
    sizes: tuple[int, ...]


POINT_TO_POINT_SIZES = (1, 256, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
GRIDS = {
    "quick": LinkGrid(
        rates=(UNSHAPED, "100mbit", "20mbit"),
        world_sizes=(2, 4),
        algorithms=("auto",),
        sizes=(3_000, 100_000, 1_000_000),
        samples=3,
        repeats=1,
        longest_s=0.5,
    ),
    "paper": LinkGrid(
        rates=(UNSHAPED, "200mbit", "100mbit", "20mbit"),
        world_sizes=(1, 2, 3, 4, 5, 6, 8),
        algorithms=("auto", "recursive_doubling", "reduce_scatter_allgather", "ring"),
        sizes=(3_000, 40_000, 100_000, 1_000_000, 10_000_000),
        samples=5,
        repeats=3,
        longest_s=4.0,
    ),
}


def sweep(config: LinkSweepConfig) -> None:
    """Run the profile's grid; each process start appends its own rows.

    Raises:
        NotPermittedError: virtual hosts cannot be made here.
        UserError: a process start failed; the rows before are kept.
    """
    require_permission()
    source = find_source(config.data_dir)
    jobs = list(jobs_of(GRIDS[config.profile]))
    with tqdm(jobs, desc="link sweep", unit="run") as bar:
        for job in bar:
            bar.set_postfix_str(f"{job.ranks} hosts, {job.rate}, {job.algorithm}")
            _run(_command(config, source.directory, job), job)
    print(f"{len(jobs)} runs done; rows are in {config.results_dir}/module3_links.csv")


def jobs_of(grid: LinkGrid) -> Iterator[Job]:
    """The process starts in the order they are run: a repetition runs each once."""
    for repeat in range(grid.repeats):
        for rate in grid.rates:
            yield Job(repeat, rate, 2, "none", fitting(POINT_TO_POINT_SIZES, rate, grid.longest_s))
            for ranks in grid.world_sizes:
                # One rank sends nothing: all algorithms are one.
                for algorithm in grid.algorithms[: 1 if ranks == 1 else None]:
                    sizes = fitting(grid.sizes, rate, grid.longest_s)
                    yield Job(repeat, rate, ranks, algorithm, sizes)


def fitting(sizes: tuple[int, ...], rate: str, longest_s: float) -> tuple[int, ...]:
    """Those of the sizes that one message takes to the other host within that time."""
    bits = link_of(rate).rate_bit_per_s
    return tuple(n for n in sizes if bits is None or 8 * FLOAT_BYTES * n / bits <= longest_s)


def _command(config: LinkSweepConfig, data_dir: Path, job: Job) -> list[str]:
    given = {
        "rate": job.rate,
        "ranks": job.ranks,
        "samples": GRIDS[config.profile].samples,
        **shared_options(config, data_dir, job.repeat),
    }
    options = options_of(given)
    if job.algorithm == "none":
        options.append("--point-to-point")
    sizes = ["--sizes", *map(str, job.sizes)]
    return [sys.executable, "-m", "module3_mpi_gpu_overlap.link_measure", *options, *sizes]


def _run(command: list[str], job: Job) -> None:
    cluster = VirtualCluster(command=tuple(command), hosts=job.ranks, rate=job.rate)
    chosen = {} if job.algorithm in ("none", "auto") else {ALGORITHM_VARIABLE: job.algorithm}
    # The device's table would choose before the one that the variable stands for.
    chosen |= {"MPIR_CVAR_DEVICE_COLLECTIVES": "none"} if chosen else {}
    run_on_hosts(cluster, f"{job.ranks} hosts, {job.rate}, {job.algorithm}", CHILD_LIMIT_S, chosen)


def main() -> int:
    """Parse the command line and sweep."""
    return run(
        LinkSweepConfig,
        sweep,
        prog="python -m module3_mpi_gpu_overlap.link_sweep",
        description="Time messages and Allreduce between virtual hosts, from LAN to WAN.",
    )


if __name__ == "__main__":
    sys.exit(main())
