"""Whole federated rounds on shaped links: `python -m module3_mpi_gpu_overlap.link_rounds`.

The classifier is made large enough that a link has something to do, and a trial in `G0` finds how
many local steps take as long as an average; the modes take turns. Needs the permission that
`scripts/namespaces` needs.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from tqdm import tqdm
from typing_extensions import Doc

from crossscale_results.cli import run
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap.child_process import shared_options
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.config import DataDir, ResultsDir
from module3_mpi_gpu_overlap.ladder import Mode
from module3_mpi_gpu_overlap.prepared_source import prepared_source
from module3_mpi_gpu_overlap.run_on_hosts import train_on_hosts
from module3_mpi_gpu_overlap.selection import warm_rounds
from module3_mpi_gpu_overlap.virtual_cluster import require_permission

TRIAL_ROUNDS = 3  # the first warms up


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
    trial_steps: int  # of the trial that finds how many take as long as an average
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
        trial_steps=10,
        batch_size=64,
        repeats=1,
    ),
    # Packets are large because the cores that train are the network, too: they take the place of
    # the segmentation that a host's network card would do. Rounds are many because a run's last one
    # waits for its own average in every mode.
    "paper": LinkRoundsGrid(
        hosts=4,
        rates=("50mbit",),
        mtu_bytes=9000,
        modes=("G0", "G1", "G2", "G3", "G4", "G5", "G6"),
        hidden_width=3100,
        rounds=40,
        trial_steps=30,
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
    source = prepared_source(config.data_dir)
    grid = GRIDS[config.profile]
    steps = {}
    for rate in tqdm(grid.rates, desc="as many steps as an average takes", unit="trial"):
        steps[rate] = balanced_steps(config, grid, source.directory, rate)
        print(f"{grid.hosts} hosts, {rate}: {steps[rate]} local steps")
    jobs = list(jobs_of(grid, config.repeats or grid.repeats))
    with tqdm(jobs, desc="rounds on links", unit="run") as bar:
        for rate, mode, repeat in bar:
            bar.set_postfix_str(f"{rate}, {mode}")
            _run(config, grid, source.directory, rate, mode, steps[rate], repeat)
    print(f"{len(jobs)} runs done; rows are in {config.results_dir}/module3_rounds.csv")


def balanced_steps(
    config: LinkRoundsConfig, grid: LinkRoundsGrid, data_dir: Path, rate: str
) -> int:
    """Local steps that train as long as an average takes on these links, by a short run of `G0`.

    Its rows are not kept.
    """
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        trial = replace(config, results_dir=Path(folder))
        short = replace(grid, rounds=TRIAL_ROUNDS)
        _run(trial, short, data_dir, rate, "G0", grid.trial_steps, 0)
        return steps_in_balance(read_table(ROUNDS, Path(folder)))


def steps_in_balance(rows: pd.DataFrame) -> int:
    """Local steps whose slowest rank, which a round waits for, trains as long as an average takes.

    Args:
        rows: of a run in `G0`; its first round, which warms up what follows, is left out.
    """
    warm = warm_rounds(rows)
    trained_s = float(warm.groupby("round_index")["train_s"].max().median())
    step_s = trained_s / int(warm["local_steps"].iloc[0])
    return max(1, round(float(warm["communication_s"].iloc[0]) / step_s))


def jobs_of(grid: LinkRoundsGrid, repeats: int) -> Iterator[tuple[str, Mode, int]]:
    """(rate, mode, repeat) in the order they are run."""
    for repeat in range(repeats):
        for rate in grid.rates:
            for mode in grid.modes:
                yield rate, mode, repeat


def _run(
    config: LinkRoundsConfig,
    grid: LinkRoundsGrid,
    data_dir: Path,
    rate: str,
    mode: Mode,
    local_steps: int,
    repeat: int,
) -> None:
    options = {
        "mode": mode,
        "hidden-width": grid.hidden_width,
        "rounds": grid.rounds,
        "local-steps": local_steps,
        "batch-size": grid.batch_size,
        "experiment": "links",
        **shared_options(config, data_dir, repeat),
    }
    train_on_hosts(grid.hosts, rate, options, grid.mtu_bytes)


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
