"""What a rank tells of a round, and of each client's training in it."""

from dataclasses import dataclass

from torch import Tensor

from module3_mpi_gpu_overlap.timing import Timeline


@dataclass(frozen=True)
class RankReport:
    """What one rank tells of its round."""

    timeline: Timeline
    loss: float | None  # None where none of its clients trained, or all were screened
    beats: int  # trained on, repetitions counted
    weight: float  # of its clients in the round's average, before screening
    screened: tuple[int, ...]  # those of its clients that were
    copies_s: float | None  # None without an accelerator
    accelerator_memory_bytes: int | None


@dataclass(frozen=True)
class Update:
    """What a client's training came to."""

    client: int
    loss: float
    length: float  # Euclidean norm of its model minus the one it began with
    model: Tensor
