"""Rungs A2 to A5: the shard is read in sequential runs into a buffer, and shuffled there.

CorgiPile's two levels (Xu et al. 2022, arXiv:2206.05830): random blocks fill a buffer, whose
windows are then taken in random order. The shard sees only sequential reads; the random gather
stays inside a buffer small enough for the caches.
"""

from dataclasses import dataclass

import numpy as np

from module1_locality.loaders import HostBatch
from module1_locality.orders import Rows, shuffled_blocks, shuffled_buffer
from module1_locality.training_windows import TrainingWindows


@dataclass(frozen=True)
class BlockShuffle:
    """The order that a shuffle buffer serves."""

    block_windows: int
    buffer_blocks: int
    seed: int
    epoch: int


class ShuffleBuffer:
    """One epoch's windows, served in buffer-shuffled order; not shared between threads."""

    def __init__(self, windows: TrainingWindows, shuffle: BlockShuffle) -> None:
        self._windows = windows
        self._shuffle = shuffle
        self._blocks = shuffled_blocks(
            windows.rows, shuffle.block_windows, shuffle.seed, shuffle.epoch
        )
        capacity = shuffle.block_windows * shuffle.buffer_blocks
        self._samples = np.empty((capacity, windows.samples.shape[1]), np.float32)
        self._label = np.empty(capacity, np.int64)
        self._order: Rows = np.empty(0, np.int64)
        self._served = 0
        self._fills = 0
        self.runs_read = 0

    def take_into(self, batch: HostBatch) -> int:
        """Gather the next windows into the buffers of `batch`, straight to their place.

        Returns:
            How many windows there were: fewer than asked for at the epoch's end, then 0.
        """
        waveform, label = batch[0].squeeze(1).numpy(), batch[1].numpy()
        filled = 0
        while filled < len(label):
            if self._served == len(self._order):
                if self._fills * self._shuffle.buffer_blocks >= len(self._blocks):
                    break
                self._refill()
            stop = min(self._served + len(label) - filled, len(self._order))
            index = self._order[self._served : stop]
            part = slice(filled, filled + len(index))
            # mode="clip": with the default, NumPy gathers into a temporary and copies that.
            np.take(self._samples, index, axis=0, out=waveform[part], mode="clip")
            np.take(self._label, index, out=label[part], mode="clip")
            filled += len(index)
            self._served = stop
        return filled

    def _refill(self) -> None:
        first = self._fills * self._shuffle.buffer_blocks
        end = 0
        for block in self._blocks[first : first + self._shuffle.buffer_blocks]:
            start, end = end, end + block.stop - block.start
            self._samples[start:end] = self._windows.samples[block]
            self._label[start:end] = self._windows.label[block]
            self.runs_read += 1
        self._order = shuffled_buffer(end, self._shuffle.seed, self._shuffle.epoch, self._fills)
        self._served = 0
        self._fills += 1
