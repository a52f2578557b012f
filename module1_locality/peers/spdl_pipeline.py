"""SPDL: a pipeline of threads over the suite's shard."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import default_collate

from module1_locality.epoch import Epoch
from module1_locality.gather import HostBatch
from module1_locality.loaders import BatchByBatch, WindowByWindow
from module1_locality.orders import Rows, global_shuffle, shuffled_blocks
from module1_locality.peers.contestant import Contestant, Job, OpenEpoch, Way

_AHEAD = 4  # batches in the sink: as many as A5's ring holds


def _window_by_window(job: Job) -> OpenEpoch:
    """A batch is one task, since a task costs near a millisecond."""
    dataset = WindowByWindow(job.windows)

    def fetched(rows: list[int]) -> HostBatch:
        waveform, label = default_collate([dataset[row] for row in rows])
        return waveform, label

    def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
        rows = _order(job, epoch).tolist()
        builder = _builder(rows).aggregate(job.batch_size).pipe(fetched)
        return _served(builder, threads=1)

    return open_epoch


def _by_gather(threads: int) -> Way:
    def open_way(job: Job) -> OpenEpoch:
        dataset = BatchByBatch(job.windows)

        def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
            order = _order(job, epoch)
            parts = (order[s : s + job.batch_size] for s in range(0, len(order), job.batch_size))
            used = min(threads, job.workers)
            return _served(_builder(parts).pipe(dataset.__getitems__, concurrency=used), used)

        return open_epoch

    return Way(f"a gather a batch, {threads} threads", "random", open_way)


def _by_run(threads: int) -> Way:
    def open_way(job: Job) -> OpenEpoch:
        def copied(run: slice) -> HostBatch:
            waveform = torch.from_numpy(job.windows.samples[run].copy()).unsqueeze(1)
            return waveform, torch.from_numpy(job.windows.label[run].copy())

        def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
            runs = shuffled_blocks(job.windows.rows, job.batch_size, job.seed, epoch.shuffle.epoch)
            used = min(threads, job.workers)
            return _served(_builder(runs).pipe(copied, concurrency=used), used)

        return open_epoch

    return Way(f"a run copied a batch, {threads} threads", "runs", open_way)


def _builder(source: Iterable[Any]) -> Any:
    from spdl.pipeline import PipelineBuilder

    return PipelineBuilder().add_source(source)


def _served(builder: Any, threads: int) -> Iterator[HostBatch]:
    pipeline = builder.add_sink(_AHEAD).build(num_threads=threads)
    with pipeline.auto_stop():
        yield from pipeline


def _order(job: Job, epoch: Epoch) -> Rows:
    return global_shuffle(job.windows.rows, job.seed, epoch.shuffle.epoch)


SPDL = Contestant(
    "SPDL",
    "peer",
    "spdl-core",
    "spdl.pipeline",
    Way("rows aggregated, fetched one by one, collated, 1 thread", "random", _window_by_window),
    (_by_gather(1), _by_gather(2), _by_run(1), _by_run(2)),
)
