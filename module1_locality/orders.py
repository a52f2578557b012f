"""Epoch orders: which row comes when. The same seed and epoch give the same order, always."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
# Not the key of any epoch, or of a buffer in it; NumPy takes zeros at a key's end for nothing.
_BEFOREHAND = (0, 0, 1)


def global_shuffle(rows: Rows, seed: int, epoch: int) -> Rows:
    """All rows, int64 [n], every order equally likely."""
    return _generator(seed, epoch).permutation(rows)


def preshuffled(rows: Rows, seed: int) -> Rows:
    """All rows, int64 [n], in the one order that a shard is written in beforehand."""
    return _generator(seed, *_BEFOREHAND).permutation(rows)


def shuffled_blocks(rows: Rows, block_windows: int, seed: int, epoch: int) -> list[slice]:
    """All rows as runs of the shard of at most `block_windows` rows, in random order.

    This is the first level of CorgiPile (Xu et al. 2022, arXiv:2206.05830); the second is
    `shuffled_buffer`. No run spans a gap in `rows`.
    """
    blocks = contiguous_blocks(rows, block_windows)
    return [blocks[i] for i in _generator(seed, epoch).permutation(len(blocks))]


def shuffled_buffer(count: int, seed: int, epoch: int, fill: int) -> Rows:
    """Positions 0 … count − 1 of the epoch's `fill`-th buffer, int64 [count], in random order."""
    return _generator(seed, epoch, 1 + fill).permutation(count)


def contiguous_blocks(rows: Rows, block_windows: int) -> list[slice]:
    """Ascending rows cut into runs of at most `block_windows` neighbours."""
    return [
        slice(start, min(start + block_windows, run.stop))
        for run in _runs(rows)
        for start in range(run.start, run.stop, block_windows)
    ]


def _runs(rows: Rows) -> Iterator[slice]:
    if len(rows) == 0:
        return
    ends = np.append(np.flatnonzero(np.diff(rows) != 1), len(rows) - 1)
    starts = np.append(0, ends[:-1] + 1)
    for start, end in zip(rows[starts], rows[ends], strict=True):
        yield slice(int(start), int(end) + 1)


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)
