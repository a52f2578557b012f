"""What federation costs in accuracy: `python -m module3_mpi_gpu_overlap.federated_accuracy`.

The same classifier on the same beats: trained by one client that holds everything (centrally), by
each subject as a client of its own, and by ranks in the modes of the ladder, with every wire. All
are scored on DS2 on the way. No time is measured.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tqdm import tqdm
from typing_extensions import Doc

from crossscale_results.cli import run
from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.child_process import options_of
from module3_mpi_gpu_overlap.config import DataDir, ResultsDir
from module3_mpi_gpu_overlap.mpiexec import find_mpiexec, run_ranks
from module3_mpi_gpu_overlap.prepared_source import prepared_source

CHILD_LIMIT_S = 1800.0


@dataclass(frozen=True)
class Contestant:
    """Who trains how much between two averages, and in which mode."""

    ranks: int
    local_steps: int
    arguments: tuple[str, ...]
    rounds_times: int = 1  # as many rounds, for fewer steps in each


# One step of every subject and one of Adam by all: about a central step on a larger batch. Chosen
# by a fold of DS1's cross-validation, over local Adam of 8 steps a round and plain averages.
EVERY_SUBJECT = (
    *("--clients", "subjects", "--batch-size", "64"),
    *("--optimizer", "sgd", "--learning-rate", "1"),
    *("--server", "fedadam", "--server-learning-rate", "0.002"),
)
# A rank's round is a quarter of a pass over its beats.
FEDERATIONS = {
    "central": Contestant(1, 40, ()),
    "subjects": Contestant(2, 1, EVERY_SUBJECT, rounds_times=20),
    "G0": Contestant(4, 20, ("--mode", "G0")),
    "G3": Contestant(4, 20, ("--mode", "G3")),
    "G4": Contestant(4, 20, ("--mode", "G4")),
    "G5": Contestant(4, 20, ("--mode", "G5")),
    "bf16": Contestant(4, 20, ("--mode", "G3", "--wire", "bf16")),
    "fp16": Contestant(4, 20, ("--mode", "G3", "--wire", "fp16")),
    "int8": Contestant(4, 20, ("--mode", "G3", "--wire", "int8")),
    "top-k": Contestant(4, 20, ("--mode", "G3", "--wire", "top-k", "--sent-ratio", "0.05")),
}


@dataclass(frozen=True, kw_only=True)
class AccuracyConfig:
    """Which federations are trained, and where their rows go."""

    profile: Annotated[
        Literal["quick", "paper"],
        Doc("`quick`: one seed of a few rounds; `paper`: five seeds of a full training."),
    ] = "quick"
    federations: Annotated[
        tuple[str, ...] | None, Doc(f"Of {', '.join(FEDERATIONS)}; the profile's if none.")
    ] = None
    seeds: Annotated[tuple[int, ...] | None, Doc("Of each federation; the profile's if none.")] = (
        None
    )
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")


@dataclass(frozen=True)
class AccuracyGrid:
    """What a profile runs."""

    federations: tuple[str, ...]
    seeds: tuple[int, ...]
    rounds: int
    evaluate_every: int


GRIDS = {
    "quick": AccuracyGrid(("central", "subjects", "G0", "G3"), (0,), rounds=6, evaluate_every=3),
    "paper": AccuracyGrid(tuple(FEDERATIONS), (0, 1, 2, 3, 4), rounds=30, evaluate_every=10),
}


def train_all(config: AccuracyConfig) -> None:
    """Train the profile's federations, seed by seed; each appends its own rows.

    Raises:
        UserError: there is no mpiexec, no such federation, or one failed; rows before are kept.
    """
    find_mpiexec()
    grid = GRIDS[config.profile]
    jobs = list(jobs_of(config.seeds or grid.seeds, config.federations or grid.federations))
    source = prepared_source(config.data_dir)
    with tqdm(jobs, desc="federations", unit="run") as bar:
        for name, seed in bar:
            bar.set_postfix_str(f"{name}, seed {seed}")
            arguments = _arguments(config, grid, source.directory, FEDERATIONS[name], seed)
            run_ranks(FEDERATIONS[name].ranks, arguments, CHILD_LIMIT_S)
    print(f"{len(jobs)} runs done; rows are in {config.results_dir}/module3_scores.csv")


def jobs_of(seeds: tuple[int, ...], names: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """(federation, seed) in the order they are run: all of a seed before the next.

    Raises:
        UserError: there is no such federation.
    """
    for name in names:
        if name not in FEDERATIONS:
            raise UserError(f"there is no federation {name!r}: choose of {', '.join(FEDERATIONS)}")
    for seed in seeds:
        for name in names:
            yield name, seed


def _arguments(
    config: AccuracyConfig, grid: AccuracyGrid, data_dir: Path, contestant: Contestant, seed: int
) -> list[str]:
    given = {
        "rounds": grid.rounds * contestant.rounds_times,
        "local-steps": contestant.local_steps,
        "evaluate-every": grid.evaluate_every * contestant.rounds_times,
        "data-dir": data_dir,
        "results-dir": config.results_dir,
        "profile": config.profile,
        "experiment": "accuracy",
        "seed": seed,
        "ranks": contestant.ranks,
    }
    options = options_of(given)
    return ["-m", "module3_mpi_gpu_overlap.train", *contestant.arguments, *options]


def main() -> int:
    """Parse the command line and train."""
    return run(
        AccuracyConfig,
        train_all,
        prog="python -m module3_mpi_gpu_overlap.federated_accuracy",
        description="What federation, delay and compressed wires cost in accuracy on DS2.",
    )


if __name__ == "__main__":
    sys.exit(main())
