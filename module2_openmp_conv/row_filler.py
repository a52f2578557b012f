"""Batches of rows gathered ahead by a thread that is not Python's."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor

from module2_openmp_conv.extension import kernels


class Filled(NamedTuple):
    """A batch that lies in a slot."""

    slot: int
    rows: int  # that it is made of: fewer than the slot holds at the end
    span: tuple[float, float]  # of its gather, in seconds on the clock of `time.perf_counter`


class RowFiller:
    """Slots filled in order by a C++ thread, as many ahead as there are: see csrc/row_filler.h.

    Inside its context the thread runs; leaving it stops the thread and waits for it.
    """

    def __init__(self, rows: Tensor, arrays: Sequence[tuple[Tensor, Sequence[Tensor]]]) -> None:
        """Start filling.

        Args:
            rows: int64 [m], in the order that they are gathered in.
            arrays: each a source [n, ...] and its slots [B, ...], as many of them for each source.
                Batch k is rows k B to (k + 1) B, and goes into slot k modulo their number. No two
                tensors overlap.

        Raises:
            IndexError: a row is none of a source's.
            TypeError: a tensor is of a wrong dtype, or not dense on the CPU.
            ValueError: a shape does not fit, a tensor is not contiguous, or there is no slot.
            KernelsError: the kernels are not built.
        """
        self._filler = kernels.RowFiller(arrays, rows)

    def __enter__(self) -> "RowFiller":
        return self

    def __exit__(self, *_: object) -> None:
        self._filler.close()

    def filled(self) -> Iterator[Filled]:
        """The batches in order; each slot is to be given back by `release`."""
        while (batch := self._filler.next()) is not None:
            slot, count, start_s, end_s = batch
            yield Filled(slot, count, (start_s, end_s))

    def release(self) -> None:
        """Let the slot be filled again that was handed over first, of those not given back yet.

        Raises:
            ValueError: all were.
        """
        self._filler.release()
