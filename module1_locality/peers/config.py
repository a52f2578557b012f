"""What the comparison is asked to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results import UserError
from module1_locality.config import Bench, DataDir, ResultsDir, filled, is_as_it_comes
from module1_locality.peers.contestants import CONTESTANTS


@dataclass(frozen=True)
class Profile:
    """How much is measured."""

    batch_sizes: tuple[int, ...]
    repeats: int
    fragment_windows: int


PROFILES = {
    "quick": Profile((256,), repeats=5, fragment_windows=32768),
    "paper": Profile((64, 128, 256, 512, 1024), repeats=10, fragment_windows=65536),
}


@dataclass(frozen=True)
class Peers:
    """Set other data loaders beside the suite's."""

    profile: Annotated[
        Literal["quick", "paper"], Doc("`quick` takes about two minutes, `paper` half an hour.")
    ] = "quick"
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    scratch_dir: Annotated[
        Path | None, Doc("Where the libraries' own files are, for the run; the system's if none.")
    ] = None
    seed: Annotated[int, Doc("Seed of the epoch orders.")] = 0
    contestants: Annotated[tuple[str, ...], Doc("Libraries and rungs to measure.")] = tuple(
        contestant.name for contestant in CONTESTANTS
    )
    batch_sizes: Annotated[tuple[int, ...] | None, Doc("Batch sizes; the profile's if none.")] = (
        None
    )
    repeats: Annotated[int | None, Doc("Raw samples of each; the profile's if none.")] = None
    fragment_windows: Annotated[
        int | None, Doc("Windows assembled in a raw sample; the profile's if none.")
    ] = None
    workers: Annotated[int, Doc("Worker processes or threads that anybody may use.")] = 2
    threads: Annotated[int, Doc("Threads inside a torch operator, the same for all.")] = 1

    def filled(self) -> Profile:
        """The profile with what was given instead of it."""
        return filled(PROFILES[self.profile], self)

    @property
    def profile_name(self) -> str:
        """The profile; `custom` where anything but place and seed was changed."""
        places = ("data_dir", "results_dir", "scratch_dir")
        return self.profile if is_as_it_comes(self, "profile", "seed", *places) else "custom"


def bench_of(config: Peers) -> Bench:
    """The bench's settings that the contestants of the suite run under.

    Raises:
        UserError: an unknown contestant, or none.
    """
    known = [contestant.name for contestant in CONTESTANTS]
    if unknown := [name for name in config.contestants if name not in known]:
        raise UserError(f"{unknown[0]!r} is no contestant: they are {', '.join(known)}")
    if not config.contestants:
        raise UserError("--contestants is empty: give at least one")
    profile = config.filled()
    return Bench(
        data_dir=config.data_dir,
        results_dir=config.results_dir,
        seed=config.seed,
        batch_sizes=profile.batch_sizes,
        repeats=profile.repeats,
        fragment_windows=profile.fragment_windows,
        assembly_windows=profile.fragment_windows,
        workers=config.workers,
        threads=config.threads,
        device="cpu",
    )
