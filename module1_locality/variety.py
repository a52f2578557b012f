"""How mixed a rung's batches are: what locality costs if the order is bad."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from module1_locality.epoch import Epoch, rows_in_order
from module1_locality.rungs import Rung


@dataclass(frozen=True)
class Variety:
    """Means over batches."""

    classes: float  # distinct classes in a batch
    records: float | None  # distinct records, that is patients; None where they are not known


def batch_variety(rung: Rung, epoch: Epoch) -> Variety:
    """Of the epoch's whole batches, from its order alone; nothing is gathered."""
    order = rows_in_order(rung, epoch)
    batches = order[: len(order) // epoch.batch_size * epoch.batch_size]
    batches = batches.reshape(-1, epoch.batch_size)
    record = epoch.windows.record
    return Variety(
        classes=_mean_distinct(epoch.windows.label[batches]),
        records=None if record is None else _mean_distinct(record[batches]),
    )


def _mean_distinct(values: npt.NDArray[np.int64]) -> float:
    """Mean number of distinct values in a row, of int [n, m]."""
    return float(1 + (np.diff(np.sort(values, axis=1), axis=1) != 0).sum(axis=1).mean())
