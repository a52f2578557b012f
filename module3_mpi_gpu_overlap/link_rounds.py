"""Whole federated rounds on shaped links: `python -m module3_mpi_gpu_overlap.link_rounds`.

The classifier is made large enough that a link has something to do; the modes take turns. Needs the
permission that `scripts/namespaces` needs.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tqdm import tqdm
from typing_extensions import Doc

from crossscale_data.prepared import load_beats
from crossscale_data.source import find_source
from crossscale_results.cli import run
from module3_mpi_gpu_overlap.child_process import options_of
from module3_mpi_gpu_overlap.config import DataDir, ResultsDir
from module3_mpi_gpu_overlap.ladder import Mode
from module3_mpi_gpu_overlap.run_on_hosts import run_on_hosts
from module3_mpi_gpu_overlap.virtual_cluster import VirtualCluster, require_permission

CHILD_LIMIT_S = 900.0


@dataclass(frozen=True, kw_only=True)
class LinkRoundsConfig:
    """Which grid is run, and where its rows go."""

    profile: Annotated[
        Literal["quick", "paper"],
        Doc("`quick`: 2 hosts, two modes, 1 M parameters; `paper`: 4 hosts, all modes, 10 M."),
    ] = "quick"
    repeats: Annotated[int | None, Doc("Runs of each mode; the profile's if none.")] = None
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    seed: Annotated[int, Doc("Seed of every run.")] = 0


@dataclass(frozen=True)
class LinkRoundsGrid:
    """What a profile runs."""

    hosts: int
    rates: tuple[str, ...]
    mtu_bytes: int
    modes: tuple[Mode, ...]
    hidden_width: int
    rounds: int
    local_steps: int
    batch_size: int
    repeats: int


GRIDS = {
    "quick": LinkRoundsGrid(
        hosts=2,
        rates=("100mbit",),
        mtu_bytes=9000,
        modes=("G0", "G3"),
        hidden_width=1000,
        rounds=3,
        local_steps=10,
        batch_size=64,
        repeats=1,
    ),
    # At 50 Mbit/s a round's training takes about as long as its average. Packets are large because
    # the cores that train are the network, too: they take the place of the segmentation that a
    # host's network card would do.
    "paper": LinkRoundsGrid(
        hosts=4,
        rates=("50mbit",),
        mtu_bytes=9000,
        modes=("G0", "G1", "G2", "G3", "G4", "G5", "G6"),
        hidden_width=3100,
        rounds=4,
        local_steps=36,
        batch_size=64,
        repeats=3,
    ),
}


def link_rounds(config: LinkRoundsConfig) -> None:
    """Run the profile's grid; each run appends its own rows.

    Raises:
        NotPermittedError: virtual hosts cannot be made here.
        UserError: a run failed; the rows before are kept.
    """
    require_permission()
    source = find_source(config.data_dir)
    load_beats(source)  # prepared here, not inside the first run
    print(source)
    grid = GRIDS[config.profile]
    jobs = list(jobs_of(grid, config.repeats or grid.repeats))
    with tqdm(jobs, desc="rounds on links", unit="run") as bar:
        for rate, mode, repeat in bar:
            what = f"{grid.hosts} hosts, {rate}, {mode}"
            bar.set_postfix_str(what)
            command = _command(config, grid, source.directory, mode, repeat)
            cluster = VirtualCluster(
                command=tuple(command), hosts=grid.hosts, rate=rate, mtu_bytes=grid.mtu_bytes
            )
            run_on_hosts(cluster, what, CHILD_LIMIT_S)
    print(f"{len(jobs)} runs done; rows are in {config.results_dir}/module3_rounds.csv")


def jobs_of(grid: LinkRoundsGrid, repeats: int) -> Iterator[tuple[str, Mode, int]]:
    """(rate, mode, repeat) in the order they are run."""
    for repeat in range(repeats):
        for rate in grid.rates:
            for mode in grid.modes:
                yield rate, mode, repeat


def _command(
    config: LinkRoundsConfig, grid: LinkRoundsGrid, data_dir: Path, mode: Mode, repeat: int
) -> list[str]:
    given = {
        "mode": mode,
        "hidden-width": grid.hidden_width,
        "rounds": grid.rounds,
        "local-steps": grid.local_steps,
        "batch-size": grid.batch_size,
        "data-dir": data_dir.resolve(),
        "results-dir": config.results_dir.resolve(),
        "profile": config.profile,
        "experiment": "links",
        "seed": config.seed,
        "repeat": repeat,
        "ranks": grid.hosts,
    }
    options = options_of(given)
    return [sys.executable, "-m", "module3_mpi_gpu_overlap.train", *options]


def main() -> int:
    """Parse the command line and run the grid."""
    return run(
        LinkRoundsConfig,
        link_rounds,
        prog="python -m module3_mpi_gpu_overlap.link_rounds",
        description="What of a federated round on a slow link is communication, by mode.",
    )


if __name__ == "__main__":
    sys.exit(main())
