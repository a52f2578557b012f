"""Rungs A0 and A1: a torch DataLoader over the globally shuffled rows.

A0 fetches a window at a time and collates. A1 fetches a whole batch by one gather, through
`Dataset.__getitems__`, which has two traps:
- torch calls it only under auto-collation, that is with a batch size or a `batch_sampler`; with
  `sampler=BatchSampler(…), batch_size=None` it calls `__getitem__` with a list instead;
- its result goes through `collate_fn`, whose default would take the two gathered arrays for two
  samples. So `_as_gathered` passes it on.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset

from module1_locality.orders import Rows
from module1_locality.training_windows import TrainingWindows

HostBatch = tuple[Tensor, Tensor]  # waveform float32 [B, 1, L], label int64 [B]


class WindowByWindow(Dataset[tuple[Tensor, int]]):
    """Item `row` is that row of the shard: waveform float32 [1, L] and label."""

    def __init__(self, windows: TrainingWindows) -> None:
        self._windows = windows

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        waveform = torch.from_numpy(self._windows.samples[row : row + 1].copy())
        return waveform, int(self._windows.label[row])


class BatchByBatch(WindowByWindow):
    """The same items, gathered a batch at a time."""

    def __getitems__(self, rows: Sequence[int]) -> HostBatch:
        index = np.asarray(rows)
        waveform = torch.from_numpy(self._windows.samples.take(index, axis=0))
        return waveform.unsqueeze(1), torch.from_numpy(self._windows.label.take(index))


def window_loader(
    windows: TrainingWindows, order: Rows, batch_size: int, workers: int
) -> Iterator[HostBatch]:
    """A0: batches in that order, made one window at a time; in `workers` processes if any."""
    loader = DataLoader(
        WindowByWindow(windows),
        batch_size=batch_size,
        sampler=order.tolist(),
        num_workers=workers,
        # Forked workers share the map; spawned ones would be sent a copy of the whole shard.
        multiprocessing_context="fork" if workers else None,
    )
    return map(_as_pair, loader)


def batch_loader(windows: TrainingWindows, order: Rows, batch_size: int) -> Iterator[HostBatch]:
    """A1: the same batches, made by one gather each."""
    loader = DataLoader(
        BatchByBatch(windows),
        batch_sampler=BatchSampler(order.tolist(), batch_size, drop_last=False),
        collate_fn=_as_gathered,  # type: ignore[arg-type]  # typed for lists of samples
    )
    return iter(loader)


def _as_pair(collated: Sequence[Tensor]) -> HostBatch:
    waveform, label = collated
    return waveform, label


def _as_gathered(batch: HostBatch) -> HostBatch:
    return batch
