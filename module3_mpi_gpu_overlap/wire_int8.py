"""The int8 wire format: blocks of numbers as multiples of their own step, -127 to 127.

A block's step is its largest magnitude / 127, sent as float32 beside the block (QSGD's bucket with
the largest magnitude as norm; Alistarh et al. 2017). Rounding is to the nearest: no number is off
by more than half a step. Stochastic rounding has no bias but up to a whole step of error; with
error feedback the bias of rounding to nearest is made up for in the next rounds, and what is left
is the smaller error (measured: README, "What goes over the wire").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from module3_mpi_gpu_overlap.wire import TILE_ELEMENTS, WORD_BYTES, tiles, whole_words

LEVELS = 127
BLOCK_ELEMENTS = 256  # a scale for each costs 1.6 % more bytes
assert TILE_ELEMENTS % BLOCK_ELEMENTS == 0  # so that a tile holds whole blocks
# Below it float32 loses digits: a step must not.
_SMALLEST_STEP = float(torch.finfo(torch.float32).tiny)


@dataclass(frozen=True)
class Int8Codec:
    """A payload is every block's step, float32, then every number's multiple, int8."""

    loses: ClassVar[bool] = True

    def payload_bytes(self, elements: int) -> int:
        return WORD_BYTES * _blocks(elements) + whole_words(elements)

    def encode(self, vector: Tensor, payload: Tensor) -> int:
        for piece, steps, multiples in _tiles(vector, payload):
            largest = piece.abs().amax(1, keepdim=True)
            steps.copy_(largest.div_(LEVELS).clamp_(min=_SMALLEST_STEP))
            multiples.copy_(torch.div(piece, steps).round_())
        return 0

    def add_decoded(self, payload: Tensor, total: Tensor, sign: float = 1.0) -> None:
        for piece, steps, multiples in _tiles(total, payload):
            piece.add_(multiples.float().mul_(steps), alpha=sign)


def _blocks(elements: int) -> int:
    return -(-elements // BLOCK_ELEMENTS)


def _tiles(vector: Tensor, payload: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Views of (numbers [b, w], steps [b, 1], multiples [b, w]); the last block may be narrower."""
    head = WORD_BYTES * _blocks(len(vector))
    steps = payload[:head].view(torch.float32)
    multiples = payload[head : head + len(vector)].view(torch.int8)
    whole = len(vector) // BLOCK_ELEMENTS * BLOCK_ELEMENTS
    parts = [*tiles(whole, vector.device), *([slice(whole, len(vector))] * (whole < len(vector)))]
    for part in parts:
        width = min(BLOCK_ELEMENTS, part.stop - part.start)
        block = slice(part.start // BLOCK_ELEMENTS, _blocks(part.stop))
        yield (
            vector[part].view(-1, width),
            steps[block].view(-1, 1),
            multiples[part].view(-1, width),
        )
