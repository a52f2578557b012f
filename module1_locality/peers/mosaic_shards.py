"""mosaicml-streaming: its MDS shards in a local folder, a window or a whole batch a sample."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import default_collate

from module1_locality.epoch import Epoch
from module1_locality.gather import HostBatch
from module1_locality.peers.contestant import Contestant, Format, Job, OpenEpoch, Order, Way


def _write_windows(job: Job) -> None:
    length = job.windows.samples.shape[1]
    columns = {"waveform": f"ndarray:float32:1,{length}", "label": "int"}
    _write(
        job,
        columns,
        (
            {"waveform": job.windows.samples[row : row + 1], "label": int(job.windows.label[row])}
            for row in job.windows.rows
        ),
    )


def _write_batches(job: Job) -> None:
    rows = job.windows.rows
    parts = (rows[s : s + job.batch_size] for s in range(0, len(rows), job.batch_size))
    _write(
        job,
        {"waveform": "ndarray:float32", "label": "ndarray:int64"},
        (
            {"waveform": job.windows.samples[part][:, None], "label": job.windows.label[part]}
            for part in parts
        ),
    )


def _write(job: Job, columns: dict[str, str], samples: Iterator[dict[str, Any]]) -> None:
    from streaming import MDSWriter

    with MDSWriter(out=str(job.folder / "mds"), columns=columns) as writer:
        for sample in samples:
            writer.write(sample)


def _way(what: str, order: Order, form: Format, workers: int) -> Way:
    whole_batches = form is _BATCHES

    def open_way(job: Job) -> OpenEpoch:
        from streaming import StreamingDataLoader, StreamingDataset
        from streaming.base.util import clean_stale_shared_memory

        clean_stale_shared_memory()
        batch_size = 1 if whole_batches else job.batch_size
        dataset = StreamingDataset(
            local=str(job.folder / "mds"),
            shuffle=True,
            shuffle_seed=job.seed,
            batch_size=batch_size,
            num_canonical_nodes=1,
        )
        used = min(workers, job.workers)
        collate: Callable[[Any], Any] = _only if whole_batches else default_collate
        loader = StreamingDataLoader(
            dataset,
            batch_size=batch_size,
            collate_fn=collate,
            num_workers=used,
            persistent_workers=used > 0,
            multiprocessing_context="fork" if used else None,
        )

        def open_epoch(_: Epoch) -> Iterator[HostBatch]:
            return map(_as_pair, loader)  # it counts its epochs itself

        return open_epoch

    return Way(f"{what}, {workers} workers", order, open_way, form)


def _only(samples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    (sample,) = samples
    return {name: torch.from_numpy(value) for name, value in sample.items()}


def _as_pair(batch: dict[str, torch.Tensor]) -> HostBatch:
    return batch["waveform"], batch["label"]


_WINDOWS = Format("a window a sample", _write_windows)
_BATCHES = Format("a batch a sample", _write_batches)
MOSAIC = Contestant(
    "mosaicml-streaming",
    "peer",
    "mosaicml-streaming",
    "streaming",
    _way("a window a sample, ndarray", "random", _WINDOWS, 0),
    (
        _way("a window a sample, ndarray", "random", _WINDOWS, 2),
        _way("a batch a sample, ndarray", "runs", _BATCHES, 0),
        _way("a batch a sample, ndarray", "runs", _BATCHES, 2),
    ),
)
