"""What the measurement at scale is asked to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results import UserError
from module1_locality.config import Bench, DataDir, ResultsDir, filled, is_as_it_comes
from module1_locality.rungs import RUNGS, RungName


@dataclass(frozen=True)
class Profile:
    """How much is measured."""

    copies: tuple[int, ...]
    repeats: int
    disk_windows: int  # in a raw sample from the disk, where a window may take milliseconds


PROFILES = {
    "quick": Profile((1, 20), repeats=2, disk_windows=1024),
    "paper": Profile((1, 5, 20), repeats=10, disk_windows=4096),
}


@dataclass(frozen=True)
class Scale:
    """Feed from a shard that grows, warm and cold."""

    profile: Annotated[
        Literal["quick", "paper"], Doc("`quick` takes some two minutes, `paper` some twenty.")
    ] = "quick"
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    scratch_dir: Annotated[
        Path | None, Doc("Where the shards are for the run, on a disk; the system's if none.")
    ] = None
    seed: Annotated[int, Doc("Seed of the epoch orders.")] = 0
    rungs: Annotated[tuple[RungName, ...], Doc("Rungs to feed by.")] = (
        "A1",
        "A5",
        "A6-gather",
    )
    copies: Annotated[
        tuple[int, ...] | None, Doc("Sizes, in copies of the data; the profile's if none.")
    ] = None
    repeats: Annotated[int | None, Doc("Raw samples of each; the profile's if none.")] = None
    batch_size: Annotated[int, Doc("Windows in a batch.")] = 256
    fragment_windows: Annotated[
        int, Doc("Windows assembled in a raw sample from the page cache.")
    ] = 81920
    disk_windows: Annotated[
        int | None, Doc("The same where they come from the disk; the profile's if none.")
    ] = None
    block_windows: Annotated[int, Doc("A2 on: windows in a run.")] = Bench.block_windows
    buffer_blocks: Annotated[int, Doc("A2 on: runs shuffled together.")] = Bench.buffer_blocks
    depth: Annotated[int, Doc("A3 on: buffers in the ring.")] = Bench.depth

    def filled(self) -> Profile:
        """The profile with what was given instead of it."""
        return filled(PROFILES[self.profile], self)

    @property
    def profile_name(self) -> str:
        """The profile; `custom` where anything but place and seed was changed."""
        places = ("data_dir", "results_dir", "scratch_dir")
        return self.profile if is_as_it_comes(self, "profile", "seed", *places) else "custom"


def check(config: Scale, windows_count: int) -> None:
    """Check the numbers against each other and the data.

    Raises:
        UserError: one is not positive, a rung feeds nothing, or a fragment is no part of an epoch.
    """
    filled = config.filled()
    if not filled.copies or not config.rungs:
        raise UserError("--copies and --rungs must each name at least one")
    for option, value in {
        "--copies": min(filled.copies),
        "--repeats": filled.repeats,
        "--batch-size": config.batch_size,
        "--fragment-windows": config.fragment_windows,
        "--disk-windows": filled.disk_windows,
        "--block-windows": config.block_windows,
        "--buffer-blocks": config.buffer_blocks,
        "--depth": config.depth - 1,
    }.items():
        if value < 1:
            least = 2 if option == "--depth" else 1
            raise UserError(f"{option} is too small: it must be at least {least}")
    if config.seed < 0:
        raise UserError(f"--seed is {config.seed}: it must not be negative")
    if fixed := [name for name in config.rungs if RUNGS[name].gather == "once"]:
        raise UserError(f"{fixed[0]} feeds nothing: leave it out of --rungs")
    longest = max(config.fragment_windows, filled.disk_windows)
    needed = longest + 2 * config.batch_size  # two batches of warm-up
    if needed > windows_count * min(filled.copies):
        raise UserError(
            f"the smallest shard holds {windows_count * min(filled.copies)} windows where {needed} "
            "are needed: give smaller --fragment-windows or larger --copies"
        )
