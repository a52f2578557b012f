"""The orders that accuracy is compared under: what a batch holds, and how fast it is assembled."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal

import numpy as np
import torch

from module1_locality.gather import gather_natively
from module1_locality.lanes import Batch, Lane
from module1_locality.loaders import BatchByBatch
from module1_locality.orders import Rows, global_shuffle, preshuffled
from module1_locality.shuffle_buffer import BlockShuffle, block_shuffled, buffer_shuffled
from module1_locality.training_windows import TrainingWindows

OrderName = Literal["global", "two-level", "block-only", "unshuffled", "pre-shuffled"]


@dataclass(frozen=True)
class Order:
    """An order of an epoch.

    `global`: every order equally likely (A0, A1). `two-level`: random blocks, shuffled in a buffer
    (A2 to A5). `block-only`: random blocks, each read as it stands. `unshuffled`: as the file
    stands, patient by patient. `pre-shuffled`: a file that was written once in a seeded random
    order, read from front to back in every epoch.
    """

    name: OrderName
    block_windows: int = 0  # two-level and block-only
    buffer_blocks: int = 0  # two-level

    def __str__(self) -> str:
        sizes = [str(size) for size in (self.block_windows, self.buffer_blocks) if size]
        return f"{self.name} {' x '.join(sizes)}".rstrip()


def epoch_rows(order: Order, rows: Rows, seed: int, epoch: int) -> Rows:
    """All of `rows`, int64 [n], in the epoch's order: for A0 and A2 the one that they serve."""
    if order.name == "global":
        return global_shuffle(rows, seed, epoch)
    if order.name == "unshuffled":
        return rows
    if order.name == "pre-shuffled":
        return preshuffled(rows, seed)
    shuffle = BlockShuffle(order.block_windows, order.buffer_blocks, seed, epoch)
    if order.name == "block-only":
        return block_shuffled(rows, shuffle)
    return buffer_shuffled(rows, shuffle)


def gathered_batches(
    windows: TrainingWindows, rows: Rows, batch_size: int, lane: Lane
) -> Iterator[Batch]:
    """Whole batches of those rows in their order, each by one gather."""
    for part in torch.from_numpy(rows).split(batch_size):
        if len(part) == batch_size:
            yield lane.copy_now(BatchByBatch(windows).__getitems__(part))


def assembled_samples_per_s(
    order: Order, windows: TrainingWindows, batch_size: int, seed: int, epochs: int = 3
) -> float:
    """Windows a second, gathered into one reused buffer in that order, and dropped.

    The gather is the same for all orders, the suite's own: what differs is what the caches and the
    hardware's prefetching make of the order. A pre-shuffled file is read from front to back.
    """
    if order.name == "pre-shuffled":
        windows = _rewritten(windows, epoch_rows(order, windows.rows, seed, epoch=0))
        order = Order("unshuffled")
    shape = (batch_size, 1, windows.samples.shape[1])
    batch = torch.empty(shape), torch.empty(batch_size, dtype=torch.int64)
    elapsed_s = 0.0
    for epoch in range(-1, epochs):
        rows = torch.from_numpy(epoch_rows(order, windows.rows, seed, max(epoch, 0)))
        start = perf_counter()
        for part in rows.split(batch_size):
            gather_natively(windows, part, (batch[0][: len(part)], batch[1][: len(part)]))
        if epoch >= 0:  # the first time is for the caches
            elapsed_s += perf_counter() - start
    return epochs * len(windows) / elapsed_s


def _rewritten(windows: TrainingWindows, rows: Rows) -> TrainingWindows:
    """A file that holds those rows in that order."""
    return replace(
        windows,
        samples=windows.samples[rows],
        label=windows.label[rows],
        rows=np.arange(len(rows)),
    )
