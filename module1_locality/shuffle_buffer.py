"""The orders of rungs A2 and on: runs of the shard, shuffled together a buffer at a time.

CorgiPile's two levels (Xu et al. 2022, arXiv:2206.05830): random blocks fill a buffer, whose
windows are then taken in random order. Here the buffer is no memory but a stretch of the order:
the shard is memory-mapped, so a batch is gathered straight from the few runs that make up its
buffer, and every window is copied once.
"""

from dataclasses import dataclass

import numpy as np

from module1_locality.orders import Rows, shuffled_blocks, shuffled_buffer


@dataclass(frozen=True)
class BlockShuffle:
    """What decides the order."""

    block_windows: int
    buffer_blocks: int
    seed: int
    epoch: int


def block_shuffled(rows: Rows, shuffle: BlockShuffle) -> Rows:
    """All rows, int64 [n]: blocks in random order, each in the shard's own order."""
    return _joined(_blocks(rows, shuffle))


def buffer_shuffled(rows: Rows, shuffle: BlockShuffle) -> Rows:
    """All rows, int64 [n]: the same blocks, every `buffer_blocks` of them shuffled together."""
    blocks = _blocks(rows, shuffle)
    buffers = []
    for fill, first in enumerate(range(0, len(blocks), shuffle.buffer_blocks)):
        buffer = _joined(blocks[first : first + shuffle.buffer_blocks])
        buffers.append(buffer[shuffled_buffer(len(buffer), shuffle.seed, shuffle.epoch, fill)])
    return _joined(buffers)


def _blocks(rows: Rows, shuffle: BlockShuffle) -> list[Rows]:
    blocks = shuffled_blocks(rows, shuffle.block_windows, shuffle.seed, shuffle.epoch)
    return [np.arange(block.start, block.stop) for block in blocks]


def _joined(parts: list[Rows]) -> Rows:
    return np.concatenate([np.empty(0, np.int64), *parts])
