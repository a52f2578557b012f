"""What is trained on: the windows of the training patients, left in their memory-mapped shard."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossscale_data import Source, load_windows
from crossscale_data.records import TRAIN


@dataclass(frozen=True)
class TrainingWindows:
    """A shard of windows and which of its rows are trained on."""

    samples: npt.NDArray[np.float32]  # [shard rows, window samples], mV; memory-mapped, read-only
    label: npt.NDArray[np.int64]  # [shard rows], index into CLASSES
    rows: npt.NDArray[np.int64]  # [n], ascending: the training patients' rows

    def __len__(self) -> int:
        return len(self.rows)


def load_training_windows(source: Source) -> TrainingWindows:
    """The training patients' windows of a database.

    Raises:
        DataError: the database or its prepared file is bad.
    """
    windows = load_windows(source)
    # A plain view of the map: np.memmap's own indexing costs more than the window it fetches.
    return TrainingWindows(
        samples=np.asarray(windows.samples),
        label=windows.label.astype(np.int64),
        rows=np.flatnonzero(np.isin(windows.record, TRAIN)),
    )


def touch(windows: TrainingWindows) -> None:
    """Read every training window once, so that no rung pays for the first read from disk."""
    for start in range(0, len(windows.rows), 4096):
        windows.samples[windows.rows[start : start + 4096]].sum()
