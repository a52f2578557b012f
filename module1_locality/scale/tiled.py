"""The training windows written several times over, as one shard on disk."""

import os
import shutil
from pathlib import Path

import numpy as np

from crossscale_data.shard import new_shard, open_shard
from crossscale_results import UserError
from module1_locality.training_windows import TrainingWindows

_VIEW = {"view": "tiled training windows"}


def write_tiled(windows: TrainingWindows, copies: int, path: Path) -> int:
    """Write `copies` times the training windows; it appears at `path` once it is whole.

    Returns:
        Its size in bytes.

    Raises:
        UserError: the disk has no room for it.
    """
    count, length = len(windows), windows.samples.shape[1]
    needed = copies * count * (length * 4 + 1)
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise UserError(
            f"{copies} copies of the data take {needed / 1e9:.1f} GB where the disk has "
            f"{free / 1e9:.1f} GB free: name another place with --scratch-dir, or fewer --copies"
        )
    spec = {"samples": ("<f4", (copies * count, length)), "label": ("u1", (copies * count,))}
    with new_shard(path, _VIEW, spec) as arrays:
        label = windows.label[windows.rows]
        for start in range(0, count, 4096):
            rows = windows.rows[start : start + 4096]
            part = windows.samples[rows]
            for copy in range(copies):
                at = copy * count + start
                arrays["samples"][at : at + len(rows)] = part
        arrays["label"].reshape(copies, count)[:] = label
    with path.open("rb") as file:
        os.fsync(file.fileno())  # pages still to be written cannot leave the page cache
    return path.stat().st_size


def open_tiled(path: Path) -> TrainingWindows:
    """The windows of such a shard, all of them trained on.

    Raises:
        DataError: it is damaged or not such a shard.
    """
    arrays = open_shard(path, _VIEW).arrays
    samples = np.asarray(arrays["samples"])
    return TrainingWindows(
        samples, arrays["label"].astype(np.int64), np.arange(len(samples), dtype=np.int64)
    )
