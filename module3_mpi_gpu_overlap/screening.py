"""Updates that must not enter the average: not finite, of an absurd length, or of an absurd loss.

The length of a client's update is the Euclidean norm of its model minus the one it began with. It
is absurd if it is more than `screening_ratio` times the median over the clients of the last
finished round: a median stands up to any minority of bad clients, and the last round's is known to
all ranks without asking, so that nobody waits for anybody before the averaging. The first round has
none before it: there the ranks tell each other their lengths first. The median is the lower of the
two in the middle: of two clients, the one that went absurdly far must not be what is usual.

A mean training loss that is not finite, or above `ABSURD_LOSS_NATS`, is of a client whose data or
arithmetic is broken, even where its model looks harmless: guessing among five classes costs 1.6.

What was screened counts for nothing: the others' weights are scaled up to one.
"""

import math
from collections.abc import Sequence
from statistics import median_low

import torch
from mpi4py import MPI
from torch import Tensor

ABSURD_LOSS_NATS = 1000.0


class Screening:
    """Judges updates by the lengths of the last finished round."""

    def __init__(self, ratio: float) -> None:
        """`ratio` 0 screens by no length, but what is not finite or of an absurd loss."""
        self._ratio = ratio
        self.lengths: list[float] = []  # of the last finished round, accepted ones

    @property
    def ready(self) -> bool:
        """Whether updates can be judged without asking; the same on all ranks."""
        return not self._ratio or bool(self.lengths)

    def begin(self, comm: MPI.Intracomm, own: Sequence[float]) -> None:
        """Make sure that there are lengths to judge by; collective where there are none yet."""
        if not self.ready:
            told = [length for of_rank in comm.allgather(list(own)) for length in of_rank]
            self.lengths = [length for length in told if math.isfinite(length)]

    def accepts(self, length: float, loss: float) -> bool:
        """Whether an update of that length may enter the average; `loss` is its mean, in nats."""
        if not math.isfinite(length) or is_absurd(loss):
            return False
        usual = median_low(self.lengths) if self.lengths else 0.0
        # A usual length of 0 (nobody moved) says nothing about who moved too far.
        return not (self._ratio and usual) or length <= self._ratio * usual

    def learn(self, lengths: Sequence[float]) -> None:
        """Take a finished round's accepted lengths; none at all leave the earlier ones."""
        self.lengths = list(lengths) or self.lengths


def is_absurd(loss: float) -> bool:
    """Whether no client in its right mind has that mean training loss, in nats."""
    return not loss <= ABSURD_LOSS_NATS or not math.isfinite(loss)


def update_length(model: Tensor, start: Tensor) -> float:
    """Euclidean norm of an update; inf or NaN if any number of it is not finite."""
    return float(torch.linalg.vector_norm(model - start))
