"""Wire formats: how a vector of float32 numbers becomes bytes, and bytes a sum of vectors.

A format writes a vector into a *payload* whose size its length alone decides, so that ranks need
not tell each other sizes first. Everything is a torch operation on the vector's own device: on an
accelerator the few bytes of the payload are copied to the host, not the many of the vector.

`float32`, `bfloat16` and `float16` are here, `int8` in `wire_int8.py`, `top-k` in `wire_top_k.py`.
A new format is a class with these three methods and an entry of `codec_of`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from module3_mpi_gpu_overlap.wire_format import WireFormat

WORD_BYTES = 4
# On a CPU a tile and its scratch stay in a core's cache from one operation to the next.
TILE_ELEMENTS = 1 << 16
_REFUSED = 0xFF  # as float32, bf16 or fp16 a NaN, as an index -1: no format begins a payload so


class Codec(Protocol):
    """A wire format."""

    @property
    def loses(self) -> bool:
        """Whether what is decoded is not what was encoded."""

    def payload_bytes(self, elements: int) -> int:
        """Exact size of a payload; whole words, so that views of it are aligned."""

    def encode(self, vector: Tensor, payload: Tensor) -> int:
        """Write a vector, finite float32 [n], into a payload, uint8 [payload_bytes(n)].

        Gives how many numbers were beyond the format's range and sent as its largest one.
        """

    def add_decoded(self, payload: Tensor, total: Tensor, sign: float = 1.0) -> None:
        """Add `sign` times the decoded payload to `total`, float32 [n], in place."""


def codec_of(name: WireFormat, top_k_share: float = 0.01) -> Codec:
    """The format of that name; `top_k_share` is the part of the numbers that top-k sends.

    Raises:
        UserError: the share is not in (0, 1].
    """
    from module3_mpi_gpu_overlap.wire_int8 import Int8Codec
    from module3_mpi_gpu_overlap.wire_top_k import TopKCodec

    if name == "int8":
        return Int8Codec()
    if name == "top-k":
        return TopKCodec(top_k_share)
    dtypes = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    return FloatCodec(dtypes[name])


@dataclass(frozen=True)
class FloatCodec:
    """Every number rounded to a floating-point type; what is beyond its range becomes its largest.

    float16 ends at 65,504 and has no numbers between 0 and 6e-8.
    """

    dtype: torch.dtype

    @property
    def loses(self) -> bool:
        return self.dtype != torch.float32

    def payload_bytes(self, elements: int) -> int:
        return whole_words(elements * self.dtype.itemsize)

    def encode(self, vector: Tensor, payload: Tensor) -> int:
        numbers = self._numbers(payload, len(vector))
        if self.dtype == torch.float32 or not len(vector):
            numbers.copy_(vector)
            return 0
        largest = torch.finfo(self.dtype).max
        low, high = torch.aminmax(vector)
        if max(-float(low), float(high)) <= largest:
            numbers.copy_(vector)
            return 0
        numbers.copy_(vector.clamp(-largest, largest))
        return int(torch.count_nonzero(vector.abs() > largest))

    def add_decoded(self, payload: Tensor, total: Tensor, sign: float = 1.0) -> None:
        numbers = self._numbers(payload, len(total))
        for tile in tiles(len(total), total.device):
            total[tile].add_(numbers[tile].float(), alpha=sign)

    def _numbers(self, payload: Tensor, elements: int) -> Tensor:
        return payload[: elements * self.dtype.itemsize].view(self.dtype)


def decode_sum(codec: Codec, payloads: Iterable[Tensor], total: Tensor) -> Tensor:
    """The sum of the decoded payloads, added in the order given, in `total`, float32 [n].

    Whoever has the same payloads in the same order gets the same bits.
    """
    total.zero_()
    for payload in payloads:
        codec.add_decoded(payload, total)
    return total


def is_finite(vector: Tensor) -> bool:
    """Whether no number is NaN or infinite; one pass, unlike `isfinite().all()`."""
    if not len(vector):
        return True
    return bool(torch.isfinite(torch.stack(torch.aminmax(vector))).all())


def refuse(payload: Tensor) -> None:
    """Make a payload say that its vector cannot be sent, in whatever format."""
    payload.fill_(_REFUSED)


def is_refused(payload: Tensor) -> bool:
    """Whether a payload says so; an empty one says nothing."""
    return bool(len(payload)) and bool((payload[:WORD_BYTES] == _REFUSED).all())


def tiles(elements: int, device: torch.device) -> Iterator[slice]:
    """Pieces to work on one after the other: small ones on a CPU, all at once on an accelerator."""
    width = TILE_ELEMENTS if device.type == "cpu" else max(1, elements)
    return (slice(i, min(elements, i + width)) for i in range(0, elements, width))


def whole_words(count: int) -> int:
    """Bytes rounded up to whole words."""
    return -(-count // WORD_BYTES) * WORD_BYTES
