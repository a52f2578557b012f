"""Updates that must not enter the average: not finite, or of an absurd length.

The length of a client's update is the Euclidean norm of its model minus the one it began with. It
is absurd if it is more than `screening_ratio` times the median over the clients of the last
finished round: a median stands up to any minority of bad clients, and the last round's is known to
all ranks without asking, so that nobody waits for anybody before the averaging. The first round has
none before it: there the ranks tell each other their lengths first.

What was screened counts for nothing: the others' weights are scaled up to one.
"""

import math
from collections.abc import Sequence
from statistics import median

import torch
from mpi4py import MPI
from torch import Tensor


class Screening:
    """Judges updates by the lengths of the last finished round."""

    def __init__(self, ratio: float) -> None:
        """`ratio` 0 screens out only what is not finite."""
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

    def accepts(self, length: float) -> bool:
        """Whether an update of that length may enter the average."""
        if not math.isfinite(length):
            return False
        usual = median(self.lengths) if self.lengths else 0.0
        # A usual length of 0 (nobody moved) says nothing about who moved too far.
        return not (self._ratio and usual) or length <= self._ratio * usual

    def learn(self, lengths: Sequence[float]) -> None:
        """Take a finished round's accepted lengths; none at all leave the earlier ones."""
        self.lengths = list(lengths) or self.lengths


def update_length(model: Tensor, start: Tensor) -> float:
    """Euclidean norm of an update; inf or NaN if any number of it is not finite."""
    return float(torch.linalg.vector_norm(model - start))
