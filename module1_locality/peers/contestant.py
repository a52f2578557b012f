"""What a contestant is: some ways to set a library up, and how each opens its epochs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from module1_locality.epoch import Epoch
from module1_locality.gather import HostBatch
from module1_locality.training_windows import TrainingWindows

Order = Literal["random", "buffer", "runs"]  # as the column of that name explains
OpenEpoch = Callable[[Epoch], Iterator[HostBatch]]  # batches of that epoch, each window once


@dataclass(frozen=True)
class Job:
    """What every way is given."""

    windows: TrainingWindows
    batch_size: int
    seed: int
    workers: int  # processes or threads that a way may use: the same for all
    folder: Path  # where the way's format was written


@dataclass(frozen=True)
class Format:
    """A library's own files."""

    name: str
    write: Callable[[Job], None]  # into `job.folder`, which exists and is empty


@dataclass(frozen=True)
class Way:
    """One setting of a library."""

    settings: str
    order: Order
    open: Callable[[Job], OpenEpoch]  # once a run: what lives through all epochs
    format: Format | None = None  # None: it reads the suite's shard


@dataclass(frozen=True)
class Contestant:
    """A library: how its documentation shows it, and what is tried to make it fast."""

    name: str
    role: Literal["peer", "suite"]
    distribution: str  # on PyPI, whose version is recorded
    module: str  # what is imported
    default: Way
    candidates: tuple[Way, ...] = ()  # the fastest of each order is its best
