"""What is trained on: the windows of the training patients, left in their memory-mapped shard."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from crossscale_data import DataError, Source, load_windows
from crossscale_data.prepared import prepared_folder
from crossscale_data.records import TRAIN


@dataclass(frozen=True)
class ShardFile:
    """The file that windows are mapped from, and how long it was as it was opened."""

    path: Path
    size_bytes: int


@dataclass(frozen=True, eq=False)
class TrainingWindows:
    """A shard of windows and which of its rows are trained on. Two are the same if one object."""

    samples: npt.NDArray[np.float32]  # [shard rows, window samples], mV; memory-mapped, read-only
    label: npt.NDArray[np.int64]  # [shard rows], index into CLASSES
    rows: npt.NDArray[np.int64]  # [n], ascending: the training patients' rows
    record: npt.NDArray[np.int64] | None = None  # [shard rows], where it is known
    file: ShardFile | None = None  # None: the samples are in memory

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def samples_tensor(self) -> Tensor:
        """`samples` as torch sees them, not copied; read-only memory, so never to be written."""
        return _view(self.samples)

    @cached_property
    def label_tensor(self) -> Tensor:
        """`label` as torch sees it, not copied."""
        return _view(self.label)


def load_training_windows(source: Source) -> TrainingWindows:
    """The training patients' windows of a database.

    Raises:
        DataError: the database or its prepared file is bad, cannot be read, or holds no window of
            a training patient.
    """
    path = prepared_folder(source) / "windows.shard"
    try:
        windows = load_windows(source)
        size_bytes = path.stat().st_size
    except OSError as error:
        what = error.filename or path
        raise DataError(f"{what} cannot be read ({error.strerror}): mend or remove it") from None
    rows = np.flatnonzero(np.isin(windows.record, TRAIN))
    if len(rows) == 0:
        raise DataError(
            f"{path} holds no window of a training patient (records {TRAIN[0]} to {TRAIN[-1]}): "
            "remove it, it is prepared again when needed"
        )
    # A plain view of the map: np.memmap's own indexing costs more than the window it fetches.
    return TrainingWindows(
        samples=np.asarray(windows.samples),
        label=windows.label.astype(np.int64),
        rows=rows,
        record=windows.record.astype(np.int64),
        file=ShardFile(path, size_bytes),
    )


def touch(windows: TrainingWindows) -> None:
    """Read every training window once, so that no rung pays for the first read from disk.

    Raises:
        DataError: a sample is not a finite number.
    """
    for start in range(0, len(windows.rows), 4096):
        rows = windows.rows[start : start + 4096]
        samples = windows.samples[rows]
        # The sum is read for anyway, and is not finite where a sample is not.
        with np.errstate(over="ignore", invalid="ignore"):
            total = samples.sum()
        if not np.isfinite(total):
            _refuse_not_finite(windows, rows, samples)


def check_unchanged(windows: TrainingWindows) -> None:
    """Refuse a shard that was cut or grew since it was opened, before a read beyond its end.

    A shard that was removed or replaced is no harm: the map keeps the file that was opened.

    Raises:
        DataError: the file has another size now.
    """
    if windows.file is None:
        return
    try:
        size_bytes = windows.file.path.stat().st_size
    except FileNotFoundError:
        return
    if size_bytes != windows.file.size_bytes:
        raise DataError(
            f"{windows.file.path} was changed while it was being read: it held "
            f"{windows.file.size_bytes} bytes and holds {size_bytes} now; remove it, it is "
            "prepared again when needed"
        )


def _refuse_not_finite(
    windows: TrainingWindows, rows: npt.NDArray[np.int64], samples: npt.NDArray[np.float32]
) -> None:
    bad_rows, bad_samples = np.nonzero(~np.isfinite(samples))
    if len(bad_rows) == 0:
        return  # finite samples whose sum overflows
    row = int(rows[bad_rows[0]])
    file = windows.file
    where = f"{file.path}, " if file else ""
    where += "" if windows.record is None else f"record {windows.record[row]}, "
    raise DataError(
        f"{where}row {row} has {samples[bad_rows[0], bad_samples[0]]} at sample {bad_samples[0]}, "
        "where only finite numbers can be trained on: remove the prepared file and run again, and "
        "if it comes back check that record's .dat file"
    )


def _view(array: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)
