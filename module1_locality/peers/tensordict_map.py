"""tensordict: the training windows as memory-mapped tensors, indexed a batch at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from module1_locality.epoch import Epoch
from module1_locality.gather import HostBatch
from module1_locality.orders import global_shuffle, shuffled_blocks
from module1_locality.peers.contestant import Contestant, Format, Job, OpenEpoch, Way
from module1_locality.peers.torch_loader import ShuffledRows


def _write(job: Job) -> None:
    from tensordict import TensorDict

    rows = job.windows.rows
    waveform = torch.from_numpy(job.windows.samples.take(rows, axis=0)).unsqueeze(1)
    label = torch.from_numpy(job.windows.label.take(rows))
    TensorDict({"waveform": waveform, "label": label}, batch_size=[len(rows)]).memmap_(
        str(job.folder)
    )


def _load(job: Job) -> Any:
    from tensordict import TensorDict

    return TensorDict.load_memmap(str(job.folder))


def _by_loader(workers: int) -> Way:
    def open_way(job: Job) -> OpenEpoch:
        rows = ShuffledRows(np.arange(len(job.windows)))
        loader = DataLoader(
            _load(job),
            batch_size=job.batch_size,
            sampler=rows,
            collate_fn=_itself,
            num_workers=min(workers, job.workers),
            persistent_workers=workers > 0,
            multiprocessing_context="fork" if workers else None,
        )

        def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
            rows.shuffle(epoch.shuffle.seed, epoch.shuffle.epoch)
            return map(_as_pair, loader)

        return open_epoch

    return Way(f"memmap in a DataLoader, {workers} workers", "random", open_way, _MEMMAP)


def _by_index(job: Job) -> OpenEpoch:
    stored = _load(job)

    def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
        every = np.arange(len(job.windows))
        order = torch.from_numpy(global_shuffle(every, job.seed, epoch.shuffle.epoch))
        for index in order.split(job.batch_size):
            yield _as_pair(stored[index])

    return open_epoch


def _by_index_select(job: Job) -> OpenEpoch:
    """Past the TensorDict, which costs as much as the gather."""
    stored = _load(job)
    waveform, label = stored["waveform"], stored["label"]

    def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
        every = np.arange(len(job.windows))
        order = torch.from_numpy(global_shuffle(every, job.seed, epoch.shuffle.epoch))
        for index in order.split(job.batch_size):
            yield waveform.index_select(0, index), label.index_select(0, index)

    return open_epoch


def _by_slice(job: Job) -> OpenEpoch:
    stored = _load(job)

    def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
        every = np.arange(len(job.windows))
        for run in shuffled_blocks(every, job.batch_size, job.seed, epoch.shuffle.epoch):
            # A slice is a view of the file: a batch is made only by copying it.
            yield _as_pair(stored[run].clone())

    return open_epoch


def _itself(batch: Any) -> Any:
    return batch


def _as_pair(batch: Any) -> HostBatch:
    return batch["waveform"], batch["label"]


_MEMMAP = Format("memmap", _write)
TENSORDICT = Contestant(
    "tensordict",
    "peer",
    "tensordict",
    "tensordict",
    _by_loader(0),
    (
        Way("memmap indexed by a batch's rows", "random", _by_index, _MEMMAP),
        Way("tensors of the memmap, index_select", "random", _by_index_select, _MEMMAP),
        _by_loader(2),
        Way("memmap sliced by a run, cloned", "runs", _by_slice, _MEMMAP),
    ),
)
