"""The top-k wire format: only the largest magnitudes, each with its place (Stich et al. 2018).

What is not sent is not lost where the sender keeps it for the next round (error feedback).
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.wire import WORD_BYTES

_SAMPLED = 64  # one number in so many tells about where the k-th largest lies
_WORTH_SAMPLING = 1 << 14


@dataclass(frozen=True)
class TopKCodec:
    """A payload is k places, int32, then their numbers, float32; k is the share, rounded up."""

    share: float
    loses: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UserError(
                f"the share that top-k sends must be above 0 and at most 1, not {self.share:g}"
            )

    def kept(self, elements: int) -> int:
        """How many of so many numbers are sent: at least one, if there is any."""
        return min(elements, math.ceil(self.share * elements))

    def payload_bytes(self, elements: int) -> int:
        return 2 * WORD_BYTES * self.kept(elements)

    def encode(self, vector: Tensor, payload: Tensor) -> int:
        places, numbers = self._parts(payload)
        found = largest_places(vector.abs(), len(places))
        places.copy_(found)
        numbers.copy_(vector[found])
        return 0

    def add_decoded(self, payload: Tensor, total: Tensor, sign: float = 1.0) -> None:
        places, numbers = self._parts(payload)
        # No place comes twice in a payload, so this is the same on every device.
        total.index_add_(0, places.long(), numbers, alpha=sign)

    def _parts(self, payload: Tensor) -> tuple[Tensor, Tensor]:
        half = len(payload) // 2
        return payload[:half].view(torch.int32), payload[half:].view(torch.float32)


def largest_places(magnitude: Tensor, k: int) -> Tensor:
    """Places, int64 [k], of the k largest of float32 [n], in no order; of equal ones, any.

    A sample guesses a bound that a few more than k exceed, and only these are compared: exact all
    the same, since too low a guess is found out and then all are compared.
    """
    if len(magnitude) >= _WORTH_SAMPLING:
        sample = magnitude[::_SAMPLED]
        rank = min(len(sample), 16 + math.ceil(1.5 * k / _SAMPLED))
        bound = torch.topk(sample, rank, sorted=False).values.min()
        candidates = torch.nonzero(magnitude >= bound).squeeze(1)
        if len(candidates) >= k:
            return candidates[torch.topk(magnitude[candidates], k, sorted=False).indices]
    return torch.topk(magnitude, k, sorted=False).indices
