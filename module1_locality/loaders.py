"""Rungs A0 to A2: a torch DataLoader over the rows in their order.

A0 fetches a window at a time and collates. A1 and A2 fetch a whole batch by one gather, through
`Dataset.__getitems__`, which has two traps:
- torch calls it only under auto-collation, that is with a batch size or a `batch_sampler`; with
  `sampler=BatchSampler(…), batch_size=None` it calls `__getitem__` with a list instead;
- its result goes through `collate_fn`, whose default would take the two gathered arrays for two
  samples. So `as_gathered` passes it on.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from module1_locality.gather import HostBatch, gather_into
from module1_locality.training_windows import TrainingWindows


class WindowByWindow(Dataset[tuple[Tensor, int]]):
    """Item `row` is that row of the shard: waveform float32 [1, L] and label."""

    def __init__(self, windows: TrainingWindows) -> None:
        self._windows = windows

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        waveform = torch.from_numpy(self._windows.samples[row : row + 1].copy())
        return waveform, int(self._windows.label[row])


class BatchByBatch(WindowByWindow):
    """The same items, gathered a batch at a time."""

    def __getitems__(self, rows: Sequence[int] | Tensor) -> HostBatch:
        rows = torch.as_tensor(rows)  # torch's own sampler gives lists
        waveform = torch.empty((len(rows), 1, self._windows.samples.shape[1]))
        label = torch.empty(len(rows), dtype=torch.int64)
        gather_into(self._windows, rows, (waveform, label))
        return waveform, label


def window_loader(
    windows: TrainingWindows, batches: Sequence[Tensor], workers: int
) -> Iterator[HostBatch]:
    """A0: batches of those rows, made one window at a time; in `workers` processes if any."""
    loader = DataLoader(
        WindowByWindow(windows),
        batch_size=len(batches[0]) if batches else 1,
        sampler=[row for rows in batches for row in rows.tolist()],
        num_workers=workers,
        # Forked workers share the map; spawned ones would be sent a copy of the whole shard.
        multiprocessing_context="fork" if workers else None,
    )
    return map(as_pair, loader)


def batch_loader(windows: TrainingWindows, batches: Sequence[Tensor]) -> Iterator[HostBatch]:
    """A1: the same batches, made by one gather each; A2: of another order."""
    loader = DataLoader(
        BatchByBatch(windows),
        batch_sampler=batches,  # type: ignore[arg-type]  # typed for lists of rows
        collate_fn=as_gathered,  # type: ignore[arg-type]  # typed for lists of samples
    )
    return iter(loader)


def as_pair(collated: Sequence[Tensor]) -> HostBatch:
    """What a loader collates, a list of two, as waveforms and labels."""
    waveform, label = collated
    return waveform, label


def as_gathered(batch: HostBatch) -> HostBatch:
    """The batch itself: a `collate_fn` for what `__getitems__` has collated already."""
    return batch
