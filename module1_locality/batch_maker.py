"""A rung's batches of one epoch, gathered in their order into memory that the caller names."""

import torch

from module1_locality.copies import copy_for
from module1_locality.epoch import Epoch, rows_in_order
from module1_locality.gather import HostBatch, check_rows, gather_into, gather_natively
from module1_locality.rungs import Rung


class BatchMaker:
    """Where an epoch has got to; not shared between threads.

    `rows` of `windows` are fed, int64 [n] in their order; `batches` are the same batch by batch.
    """

    def __init__(self, rung: Rung, epoch: Epoch) -> None:
        """Decide the order; a copy that the rung reads is made now, if it was not before.

        Raises:
            IndexError: a row is none of the shard's.
            DataError, OSError: as in `copy_for`.
        """
        copy = copy_for(rung, epoch)
        self.windows = epoch.windows if copy is None else copy.windows
        self.step_mv = None if copy is None else copy.step_mv
        order = rows_in_order(rung, epoch)
        check_rows(epoch.windows, order)
        if copy is not None:
            order = copy.place[order]
        # Cut up beforehand: a batch of 64 takes no longer to gather than a few calls of Python.
        self.rows = torch.from_numpy(order)
        self.batches = self.rows.split(epoch.batch_size) if len(order) else ()
        self._gather = gather_natively if rung.gather == "native" else gather_into
        self._made = 0

    def take_into(self, batch: HostBatch) -> int:
        """Gather the next batch into the buffers of `batch`, straight to its place.

        Returns:
            How many windows there were: fewer than asked for at the epoch's end, then 0.
        """
        if self._made == len(self.batches):
            return 0
        rows = self.batches[self._made]
        count = len(rows)
        part = batch if count == len(batch[1]) else (batch[0][:count], batch[1][:count])
        self._gather(self.windows, rows, part)
        self._made += 1
        return count
