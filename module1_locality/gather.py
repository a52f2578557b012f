"""The one gather that every rung from A1 on makes its batches by: NumPy's, or the suite's own.

A window is copied once, from the memory-mapped shard to its place in the batch.
"""

import numpy as np
from torch import Tensor

from module1_locality.orders import Rows
from module1_locality.training_windows import TrainingWindows
from module2_openmp_conv import gather_rows

HostBatch = tuple[Tensor, Tensor]  # waveform float32 or int16 [B, 1, L], label int64 [B]


def gather_into(windows: TrainingWindows, rows: Tensor, batch: HostBatch) -> None:
    """Gather by `numpy.take`, which asks nothing ahead.

    Args:
        windows: what is gathered from.
        rows: int64 [B], rows of the shard; not checked here: see `check_rows`.
        batch: B windows and labels, written to.
    """
    index, waveform, label = rows.numpy(), batch[0].squeeze(1).numpy(), batch[1].numpy()
    # mode="clip": with the default, NumPy gathers into a temporary and copies that.
    np.take(windows.samples, index, axis=0, out=waveform, mode="clip")
    np.take(windows.label, index, out=label, mode="clip")


def gather_natively(windows: TrainingWindows, rows: Tensor, batch: HostBatch) -> None:
    """The same in C++, without the GIL, while the next windows are read ahead into L2."""
    gather_rows(windows.samples_tensor, rows, batch[0].squeeze(1))
    gather_rows(windows.label_tensor, rows, batch[1])


def check_rows(windows: TrainingWindows, order: Rows) -> None:
    """Check once an epoch what `gather_into` takes for granted.

    Raises:
        IndexError: a row is none of the shard's.
    """
    shard_rows = len(windows.samples)
    if len(order) and not 0 <= order.min() <= order.max() < shard_rows:
        wrong = order[(order < 0) | (order >= shard_rows)][0]
        raise IndexError(f"row {wrong} is not one of the shard's {shard_rows}")
