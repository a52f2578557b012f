"""What bench and train are asked to do: their command lines, and what a profile stands for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from typing_extensions import Doc

from crossscale_results import UserError
from crossscale_results.dry_run import DryRun
from crossscale_results.provenance import usable_cores
from module2_openmp_conv.grid import SLICES


@dataclass(frozen=True)
class Profile:
    """How much is measured."""

    slices: tuple[str, ...]  # of the grid
    workers: tuple[str, ...]  # contestants' processes with an environment of their own
    peers: bool  # whether torch.compile and ONNX Runtime take part
    repeats: int
    sample_ms: float  # a raw sample times at least this long
    epochs: int
    kernels: tuple[str, ...]  # of `train`


PROFILES = {
    "quick": Profile(
        slices=("paper", "tinyecg", "overhead", "latency"),
        workers=("malloc",),
        peers=False,
        repeats=10,
        sample_ms=4.0,
        epochs=2,
        kernels=("torch", "crossscale", "crossscale_fused"),
    ),
    "paper": Profile(
        slices=tuple(SLICES),
        workers=("malloc", "avx2", "thp"),
        peers=True,
        repeats=15,
        sample_ms=5.0,
        epochs=20,
        kernels=("torch", "torch_compiled", "crossscale", "crossscale_fused"),
    ),
}


@dataclass(frozen=True)
class Bench:
    """Time convolutions, their gradients and training steps by each contestant."""

    profile: Annotated[
        Literal["quick", "paper"],
        Doc("`quick` takes about a minute, `paper` less than half an hour."),
    ] = "quick"
    slices: Annotated[
        str | None,
        Doc(f"Parts of the grid, by commas: {', '.join(SLICES)}; the profile's if none."),
    ] = None
    data_dir: Annotated[
        Path | None, Doc("Folder of the MIT-BIH files; found, fetched or made if none.")
    ] = None
    results_dir: Annotated[Path, Doc("Folder that the CSV files are appended in.")] = Path(
        "results"
    )
    seed: Annotated[int, Doc("Seed of the weights and of the contestants' order.")] = 0
    threads: Annotated[
        int | None, Doc("Threads of all contestants; all cores the process may use if none.")
    ] = None
    repeats: Annotated[int | None, Doc("Raw samples of each; the profile's if none.")] = None
    dry_run: DryRun = False


@dataclass(frozen=True)
class Train:
    """Train the suite's classifier with each kernel, epochs interleaved."""

    profile: Annotated[
        Literal["quick", "paper"], Doc("`quick` trains 2 epochs of each kernel, `paper` 20.")
    ] = "quick"
    data_dir: Annotated[
        Path | None, Doc("Folder of the MIT-BIH files; found, fetched or made if none.")
    ] = None
    results_dir: Annotated[Path, Doc("Folder that the CSV file is appended in.")] = Path("results")
    seed: Annotated[int, Doc("Seed of the weights, the epochs' orders and dropout.")] = 0
    threads: Annotated[
        int | None, Doc("Threads of all kernels; all cores the process may use if none.")
    ] = None
    kernel: Annotated[
        Literal["torch", "torch_compiled", "crossscale", "crossscale_fused", "all"],
        Doc("Who convolves; `all` of the profile's, `torch_compiled` only in `paper`."),
    ] = "all"
    model: Annotated[Literal["beatnet", "tinyecg"], Doc("The suite's classifier to train.")] = (
        "beatnet"
    )
    epochs: Annotated[int | None, Doc("Epochs of each kernel; the profile's if none.")] = None
    batch_size: Annotated[int, Doc("Beats in a batch.")] = 256
    learning_rate: Annotated[float, Doc("Adam's step size.")] = 1e-3


def set_threads(threads: int | None) -> None:
    """Give torch, and with it our kernels, that many threads, or as many as there are cores.

    Raises:
        UserError: fewer than one, or more than the cores, whose spinning would be timed.
    """
    cores = usable_cores()
    if threads is not None and not 1 <= threads <= cores:
        raise UserError(f"--threads is {threads}: choose from 1 to {cores}, the cores to be used")
    torch.set_num_threads(threads or cores)


def check_positive(**numbers: float | None) -> None:
    """Check options that must be positive where they are given.

    Raises:
        UserError: one is not.
    """
    for name, number in numbers.items():
        if number is not None and not number > 0:
            raise UserError(f"--{name.replace('_', '-')} is {number}: it must be positive")


def check_seed(seed: int) -> None:
    """Check a seed: numpy takes none below 0.

    Raises:
        UserError: it is negative.
    """
    if seed < 0:
        raise UserError(f"--seed is {seed}: it must not be negative")


def check_slices(names: str | None) -> tuple[str, ...] | None:
    """The slices named, in the grid's order; None if none is.

    Raises:
        UserError: there is no such slice.
    """
    if names is None:
        return None
    wanted = {name.strip() for name in names.split(",")}
    if unknown := sorted(wanted - set(SLICES)):
        raise UserError(f"--slices names {unknown[0]!r}: choose from {', '.join(SLICES)}")
    return tuple(name for name in SLICES if name in wanted)
