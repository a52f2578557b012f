"""Rounds of more and more hosts on links: `python -m module3_mpi_gpu_overlap.link_scaling`.

All hosts together take as many local steps in every world, so that the cores that stand for them
have as much to do: what grows is communication. The cost model predicts these rounds from those of
two hosts (`cost_model`). Needs the permission that `scripts/namespaces` needs.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tqdm import tqdm
from typing_extensions import Doc

from crossscale_results.cli import run
from module3_mpi_gpu_overlap.child_process import shared_options
from module3_mpi_gpu_overlap.config import DataDir, ResultsDir
from module3_mpi_gpu_overlap.ladder import Mode
from module3_mpi_gpu_overlap.prepared_source import prepared_source
from module3_mpi_gpu_overlap.run_on_hosts import train_on_hosts
from module3_mpi_gpu_overlap.virtual_cluster import require_permission

MODE: Mode = "G1"  # blocking, and its messages follow from the model's size alone


@dataclass(frozen=True, kw_only=True)
class LinkScalingConfig:
    """Which grid is run, and where its rows go."""

    profile: Annotated[
        Literal["quick", "paper"],
        Doc("`quick`: 2 and 4 hosts; `paper`: 2 to 8 hosts, two rates, longer runs."),
    ] = "quick"
    repeats: Annotated[int | None, Doc("Runs of each world; the profile's if none.")] = None
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    seed: Annotated[int, Doc("Seed of every run.")] = 0


@dataclass(frozen=True)
class LinkScalingGrid:
    """What a profile runs."""

    world_sizes: tuple[int, ...]  # they divide `shared_steps`; the first is what the model sees
    rates: tuple[str, ...]  # that the link sweep measures, too
    hidden_width: int
    rounds: int
    shared_steps: int  # of all hosts together in a round
    batch_size: int
    repeats: int


GRIDS = {
    "quick": LinkScalingGrid(
        world_sizes=(2, 4),
        rates=("100mbit",),
        hidden_width=1000,
        rounds=4,
        shared_steps=48,
        batch_size=64,
        repeats=1,
    ),
    "paper": LinkScalingGrid(
        world_sizes=(2, 4, 6, 8),
        rates=("100mbit", "20mbit"),
        hidden_width=1000,
        rounds=8,
        shared_steps=48,
        batch_size=64,
        repeats=3,
    ),
}


def link_scaling(config: LinkScalingConfig) -> None:
    """Run the profile's grid; each run appends its own rows.

    Raises:
        NotPermittedError: virtual hosts cannot be made here.
        UserError: a run failed; the rows before are kept.
    """
    require_permission()
    source = prepared_source(config.data_dir)
    grid = GRIDS[config.profile]
    jobs = list(jobs_of(grid, config.repeats or grid.repeats))
    with tqdm(jobs, desc="worlds on links", unit="run") as bar:
        for repeat, rate, hosts in bar:
            bar.set_postfix_str(f"{hosts} hosts, {rate}")
            options = {
                "mode": MODE,
                "hidden-width": grid.hidden_width,
                "rounds": grid.rounds,
                "local-steps": grid.shared_steps // hosts,
                "batch-size": grid.batch_size,
                "experiment": "link-scaling",
                **shared_options(config, source.directory, repeat),
            }
            train_on_hosts(hosts, rate, options)
    print(f"{len(jobs)} runs done; rows are in {config.results_dir}/module3_rounds.csv")


def jobs_of(grid: LinkScalingGrid, repeats: int) -> Iterator[tuple[int, str, int]]:
    """(repeat, rate, hosts) in the order they are run."""
    for repeat in range(repeats):
        for rate in grid.rates:
            for hosts in grid.world_sizes:
                yield repeat, rate, hosts


def main() -> int:
    """Parse the command line and run the grid."""
    return run(
        LinkScalingConfig,
        link_scaling,
        prog="python -m module3_mpi_gpu_overlap.link_scaling",
        description="How communication's share of a round grows with the hosts on a link.",
    )


if __name__ == "__main__":
    sys.exit(main())
