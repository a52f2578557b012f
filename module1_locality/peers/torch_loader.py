"""torch's DataLoader: a window at a time as it comes, a batch at a time as it is fastest.

`__getitems__` makes a batch by one gather (`loaders.BatchByBatch`); workers persist over epochs.
"""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, Sampler

from module1_locality.epoch import Epoch
from module1_locality.gather import HostBatch
from module1_locality.loaders import BatchByBatch, WindowByWindow, as_gathered, as_pair
from module1_locality.orders import Rows, global_shuffle
from module1_locality.peers.contestant import Contestant, Job, OpenEpoch, Way


class ShuffledRows(Sampler[int]):
    """Rows in another order each epoch, for a loader that lives through all of them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._order: Rows = rows

    def shuffle(self, seed: int, epoch: int) -> None:
        """Take the order of that epoch."""
        self._order = global_shuffle(self._rows, seed, epoch)

    def __iter__(self) -> Iterator[int]:
        return iter(self._order.tolist())

    def __len__(self) -> int:
        return len(self._rows)


def _window_by_window(job: Job) -> OpenEpoch:
    rows = ShuffledRows(job.windows.rows)
    loader = DataLoader(WindowByWindow(job.windows), batch_size=job.batch_size, sampler=rows)
    return _shuffled_epochs(loader, rows)


def _batch_by_batch(workers: int, prefetch_factor: int | None) -> Way:
    def open_way(job: Job) -> OpenEpoch:
        rows = ShuffledRows(job.windows.rows)
        loader = DataLoader(
            BatchByBatch(job.windows),
            batch_size=job.batch_size,
            sampler=rows,
            collate_fn=as_gathered,  # type: ignore[arg-type]  # typed for lists of samples
            num_workers=min(workers, job.workers),
            prefetch_factor=prefetch_factor,
            persistent_workers=workers > 0,
            multiprocessing_context="fork" if workers else None,  # the shard's map is shared
        )
        return _shuffled_epochs(loader, rows)

    ahead = f", {prefetch_factor} batches ahead each, kept" if workers else ""
    return Way(f"__getitems__, {workers} workers{ahead}", "random", open_way)


def _shuffled_epochs(loader: "DataLoader[Any]", rows: ShuffledRows) -> OpenEpoch:
    """Epochs of a loader over `rows`; its batches are pairs of tensors."""

    def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
        rows.shuffle(epoch.shuffle.seed, epoch.shuffle.epoch)
        return map(as_pair, loader)

    return open_epoch


TORCH_LOADER = Contestant(
    "torch DataLoader",
    "peer",
    "torch",
    "torch",
    Way("__getitem__, default collate, 0 workers", "random", _window_by_window),
    (_batch_by_batch(0, None), _batch_by_batch(2, 2), _batch_by_batch(2, 4)),
)
