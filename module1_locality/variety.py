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
    order, size = rows_in_order(rung, epoch), epoch.batch_size
    label, record = epoch.windows.label, epoch.windows.record
    return Variety(
        classes=float(distinct_per_batch(label[order], size).mean()),
        records=None if record is None else float(distinct_per_batch(record[order], size).mean()),
    )


def distinct_per_batch(value: npt.NDArray[np.integer], batch_size: int) -> npt.NDArray[np.int64]:
    """Distinct values in each whole batch, int64 [batches], of an epoch's values in its order."""
    batches = np.sort(value[: len(value) // batch_size * batch_size].reshape(-1, batch_size))
    distinct: npt.NDArray[np.int64] = 1 + (np.diff(batches) != 0).sum(axis=1)
    return distinct
