"""What the bench is asked to do: its command line, and the grid that a profile stands for."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from typing_extensions import Doc

from crossscale_results import UserError
from crossscale_results.dry_run import DryRun
from module1_locality.rungs import LADDER, RungName

P = TypeVar("P", bound=Any)  # a profile

# An accelerator's steps take a millisecond: fewer windows would be over before it is warm.
_ACCELERATOR_FRAGMENT_WINDOWS = 16384

# Options that several commands have.
DataDir = Annotated[
    Path | None, Doc("Folder of the MIT-BIH files; found, fetched or made if none.")
]
ResultsDir = Annotated[Path, Doc("Folder that the CSV file is appended in.")]
Device = Annotated[Literal["auto", "cpu"], Doc("`auto` takes an accelerator where there is one.")]
Threads = Annotated[int | None, Doc("Threads of torch; all cores the process may use if none.")]


@dataclass(frozen=True)
class Profile:
    """How much is measured."""

    batch_sizes: tuple[int, ...]
    repeats: int
    fragment_windows: int  # windows trained on in one raw sample
    assembly_windows: int  # windows assembled in one raw sample of host assembly alone


PROFILES = {
    "quick": Profile((64, 256), repeats=5, fragment_windows=2048, assembly_windows=16384),
    "paper": Profile(
        (64, 128, 256, 512, 1024), repeats=10, fragment_windows=6144, assembly_windows=32768
    ),
}


@dataclass(frozen=True)
class Bench:
    """Climb the ladder."""

    profile: Annotated[
        Literal["quick", "paper"],
        Doc("`quick`: two minutes, `paper`: a quarter of an hour."),
    ] = "quick"
    data_dir: DataDir = None
    results_dir: Annotated[Path, Doc("Folder that the CSV files are appended in.")] = Path(
        "results"
    )
    seed: Annotated[int, Doc("Seed of the epoch orders and the model.")] = 0
    rungs: Annotated[tuple[RungName, ...], Doc("Rungs to measure; C0 always is.")] = tuple(
        rung.name for rung in LADDER
    )
    batch_sizes: Annotated[tuple[int, ...] | None, Doc("Batch sizes; the profile's if none.")] = (
        None
    )
    repeats: Annotated[int | None, Doc("Raw samples of each; the profile's if none.")] = None
    fragment_windows: Annotated[
        int | None, Doc("Windows trained on in a raw sample; the profile's if none.")
    ] = None
    assembly_windows: Annotated[
        int | None, Doc("Windows in a raw sample of assembly alone; the profile's if none.")
    ] = None
    block_windows: Annotated[int, Doc("A2 on: windows in a run of the shard.")] = 16
    buffer_blocks: Annotated[int, Doc("A2 on: runs shuffled together.")] = 16
    depth: Annotated[int, Doc("A3 on: buffers in the ring; A5 is that many batches ahead.")] = 4
    workers: Annotated[int, Doc("A0-workers: worker processes.")] = 2
    warmup_steps: Annotated[int, Doc("Steps before the clock starts.")] = 2
    threads: Annotated[int, Doc("Threads inside a torch operator, the same for all rungs.")] = 1
    keep_memory: Annotated[
        bool, Doc("Keep freed memory in the process: without it a CPU's times scatter.")
    ] = True
    device: Device = "auto"
    dry_run: DryRun = False


@dataclass(frozen=True)
class Grid:
    """A bench with its profile filled in."""

    bench: Bench
    profile: str  # `quick`, `paper`, or `custom` where the profile's grid was changed
    batch_sizes: tuple[int, ...]
    repeats: int
    fragment_windows: int
    assembly_windows: int


def grid_of(bench: Bench, has_accelerator: bool = False) -> Grid:
    """Fill in the profile, for this kind of device, and check the numbers.

    Raises:
        UserError: a number is not positive, there is one buffer only where two are needed, or a
            fragment is not made of whole batches and whole shuffle buffers.
    """
    profile = PROFILES[bench.profile]
    if has_accelerator:
        profile = replace(profile, fragment_windows=_ACCELERATOR_FRAGMENT_WINDOWS)
    profile = filled(profile, bench)
    free = ("profile", "data_dir", "results_dir", "seed", "device", "dry_run")
    as_it_comes = is_as_it_comes(bench, *free)
    grid = Grid(
        bench,
        bench.profile if as_it_comes else "custom",
        profile.batch_sizes,
        profile.repeats,
        profile.fragment_windows,
        profile.assembly_windows,
    )
    _check(grid)
    return grid


def filled(profile: P, config: Any) -> P:
    """The profile, with what the configuration gives under the same names instead."""
    given = {field.name: getattr(config, field.name) for field in fields(profile)}
    return replace(profile, **{name: value for name, value in given.items() if value is not None})


def is_as_it_comes(config: Any, *but: str) -> bool:
    """Whether all of a configuration's fields but those named have their defaults."""
    kept = {name: getattr(config, name) for name in but}
    as_it_comes: bool = config == type(config)(**kept)
    return as_it_comes


def _check(grid: Grid) -> None:
    bench = grid.bench
    if not grid.batch_sizes:
        raise UserError("--batch-sizes is empty: give at least one")
    positive = {
        "--batch-sizes": min(grid.batch_sizes),
        "--repeats": grid.repeats,
        "--fragment-windows": grid.fragment_windows,
        "--assembly-windows": grid.assembly_windows,
        "--block-windows": bench.block_windows,
        "--buffer-blocks": bench.buffer_blocks,
        "--workers": bench.workers,
        "--warmup-steps": bench.warmup_steps,
        "--threads": bench.threads,
    }
    for option, value in positive.items():
        if value < 1:
            raise UserError(f"{option} is {value}: it must be at least 1")
    if bench.depth < 2:
        raise UserError(f"--depth is {bench.depth}: copying beside compute needs at least 2")
    if bench.seed < 0:
        raise UserError(f"--seed is {bench.seed}: it must not be negative")
    for option, windows in (
        ("--fragment-windows", grid.fragment_windows),
        ("--assembly-windows", grid.assembly_windows),
    ):
        # Each raw sample must hold the same number of buffer refills, or its mean is biased.
        for part in (*grid.batch_sizes, bench.block_windows * bench.buffer_blocks):
            if windows % part:
                raise UserError(
                    f"{option} is {windows}: it must be a multiple of every batch size and of the "
                    f"shuffle buffer (block windows times buffer blocks), here of {part}"
                )
