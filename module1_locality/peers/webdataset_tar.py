"""WebDataset: tar files of windows as its documentation has them, or of whole batches, raw."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from module1_locality.epoch import Epoch
from module1_locality.gather import HostBatch
from module1_locality.peers.contestant import Contestant, Format, Job, OpenEpoch, Order, Way

_TARS = 16  # enough to shuffle and to share out between workers
_LABEL_BYTES = 8


def _write_windows(job: Job) -> None:
    rows = job.windows.rows
    _write_tars(
        job,
        (
            {"npy": job.windows.samples[row : row + 1], "cls": int(job.windows.label[row])}
            for row in rows
        ),
        len(rows),
    )


def _write_raw_windows(job: Job) -> None:
    _write_tars(job, (_raw(job, job.windows.rows[[i]]) for i in range(len(job.windows))), None)


def _write_raw_batches(job: Job) -> None:
    rows = job.windows.rows
    starts = range(0, len(rows), job.batch_size)
    _write_tars(job, (_raw(job, rows[s : s + job.batch_size]) for s in starts), len(starts))


def _raw(job: Job, rows: npt.NDArray[np.int64]) -> dict[str, bytes]:
    """Labels and samples of some windows as they lie in memory."""
    label, samples = job.windows.label[rows], job.windows.samples[rows]
    return {"bin": label.tobytes() + samples.tobytes()}


def _write_tars(job: Job, members: Iterable[dict[str, Any]], count: int | None) -> None:
    import webdataset as wds

    most = -(-(count if count is not None else len(job.windows)) // _TARS)
    pattern = str(job.folder / "%06d.tar")
    with wds.ShardWriter(pattern, maxcount=most, maxsize=1e12, verbose=0) as writer:
        for i, member in enumerate(members):
            writer.write({"__key__": f"{i:08d}", **member})


def _documented(job: Job) -> OpenEpoch:
    """As the documentation has it: decode, shuffle in a buffer, to tuples, batched."""

    def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
        dataset = (
            _tars(job, epoch)
            .shuffle(1000, seed=epoch.shuffle.epoch)
            .decode()
            .to_tuple("npy", "cls")
            .batched(job.batch_size)
        )
        for waveform, label in dataset:
            yield torch.as_tensor(waveform), torch.as_tensor(label)

    return open_epoch


def _raw_way(what: str, order: Order, form: Format, workers: int) -> Way:
    def open_way(job: Job) -> OpenEpoch:
        window_samples = job.windows.samples.shape[1]

        def decoded(members: list[tuple[bytes]]) -> HostBatch:
            whole = b"".join(member for (member,) in members) if len(members) > 1 else members[0][0]
            return _decoded(whole, len(members), window_samples)

        def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
            import webdataset as wds

            dataset = _tars(job, epoch).to_tuple("bin")
            if order == "buffer":
                dataset = dataset.shuffle(1000, seed=epoch.shuffle.epoch)
                dataset = dataset.batched(job.batch_size, collation_fn=decoded)
            else:
                dataset = dataset.shuffle(64, seed=epoch.shuffle.epoch)
                dataset = dataset.map(lambda member: decoded([member]))
            used = min(workers, job.workers)
            return iter(
                wds.WebLoader(
                    dataset,
                    batch_size=None,
                    num_workers=used,
                    multiprocessing_context="fork" if used else None,
                )
            )

        return open_epoch

    return Way(f"{what}, {workers} workers", order, open_way, form)


def _decoded(raw: bytes, members: int, window_samples: int) -> HostBatch:
    """Members of equal size, each its labels and then its samples, as one batch."""
    table = np.frombuffer(raw, np.uint8).reshape(members, -1)
    windows = table.shape[1] // (_LABEL_BYTES + 4 * window_samples)
    label = np.ascontiguousarray(table[:, : windows * _LABEL_BYTES]).view(np.int64)
    samples = table[:, windows * _LABEL_BYTES :]
    samples = samples if members == 1 else np.ascontiguousarray(samples)
    waveform = samples.view(np.float32).reshape(-1, 1, window_samples)
    return torch.from_numpy(waveform), torch.from_numpy(label.reshape(-1))


def _tars(job: Job, epoch: Epoch) -> Any:
    import webdataset as wds

    return wds.WebDataset(
        sorted(str(path) for path in job.folder.glob("*.tar")),
        shardshuffle=_TARS,
        seed=job.seed + epoch.shuffle.epoch,
        workersplitter=wds.split_by_worker,
    )


_WINDOWS = Format("a window a member, .npy", _write_windows)
_RAW_WINDOWS = Format("a window a member, raw", _write_raw_windows)
_RAW_BATCHES = Format("a batch a member, raw", _write_raw_batches)
WEBDATASET = Contestant(
    "WebDataset",
    "peer",
    "webdataset",
    "webdataset",
    Way("a window a member, .npy, decoded and batched", "buffer", _documented, _WINDOWS),
    (
        _raw_way("a window a member, raw bytes", "buffer", _RAW_WINDOWS, 0),
        _raw_way("a window a member, raw bytes", "buffer", _RAW_WINDOWS, 2),
        _raw_way("a batch a member, raw bytes", "runs", _RAW_BATCHES, 0),
        _raw_way("a batch a member, raw bytes", "runs", _RAW_BATCHES, 2),
    ),
)
