"""What bench and train are asked to do: their command lines, and what a profile stands for."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

import torch
from typing_extensions import Doc

from crossscale_results import UserError
from crossscale_results.provenance import usable_cores

LENGTH = 500  # samples of a window


@dataclass(frozen=True)
class Cell:
    """One convolution of the grid: stride 1, output as long as the input."""

    batch_size: int
    in_channels: int
    out_channels: int
    kernel_width: int
    length: int = LENGTH


# The paper's grid: one channel to one channel.
PAPER_CELLS = tuple(
    Cell(batch, 1, 1, width) for batch, width in product((64, 128, 256, 512), (3, 5, 7))
)
# What classifiers ask for; TinyECG's two layers come first.
TINYECG_CELLS = (Cell(64, 1, 16, 7), Cell(64, 16, 16, 5), Cell(64, 1, 16, 5), Cell(64, 16, 16, 7))
WIDE_CELLS = tuple(
    Cell(64, inputs, outputs, width)
    for (inputs, outputs), width in product(((16, 16), (16, 32), (32, 64)), (3, 5, 7, 15))
)


@dataclass(frozen=True)
class Profile:
    """How much is measured."""

    cells: tuple[Cell, ...]
    repeats: int
    sample_ms: float  # a raw sample times at least this long
    epochs: int
    kernels: tuple[str, ...]  # of `train`


PROFILES = {
    "quick": Profile(
        PAPER_CELLS + TINYECG_CELLS,
        repeats=10,
        sample_ms=5.0,
        epochs=2,
        kernels=("torch", "crossscale", "crossscale_fused"),
    ),
    "paper": Profile(
        tuple(dict.fromkeys(PAPER_CELLS + TINYECG_CELLS + WIDE_CELLS)),
        repeats=30,
        sample_ms=10.0,
        epochs=20,
        kernels=("torch", "torch_compiled", "crossscale", "crossscale_fused"),
    ),
}


@dataclass(frozen=True)
class Bench:
    """Time a forward convolution by each contestant."""

    profile: Annotated[
        Literal["quick", "paper"], Doc("`quick` takes under a minute, `paper` some minutes.")
    ] = "quick"
    data_dir: Annotated[
        Path | None, Doc("Folder of the MIT-BIH files; found, fetched or made if none.")
    ] = None
    results_dir: Annotated[Path, Doc("Folder that the CSV file is appended in.")] = Path("results")
    seed: Annotated[int, Doc("Seed of the weights and of the contestants' order.")] = 0
    threads: Annotated[
        int | None, Doc("Threads of all contestants; all cores the process may use if none.")
    ] = None
    repeats: Annotated[int | None, Doc("Raw samples of each; the profile's if none.")] = None


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
