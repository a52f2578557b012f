"""Rungs A3 and on: a ring of reused staging buffers, and what keeps it from being overwritten.

Three things can go wrong once copies run beside the host and beside compute, and
each has its guard:
- a staging buffer refilled while its copy still reads it: `await_refillable`;
- a resident buffer overwritten while compute still reads it: `send` lets the copy wait;
- computing before the copy has arrived: `receive`.
And the memory must not be given back while a copy is still on its way: leaving the context.
"""

from dataclasses import dataclass

import torch

from module1_locality.gather import HostBatch
from module1_locality.lanes import Batch, Lane, Mark


@dataclass
class Slot:
    """A staging buffer and its place on the device."""

    staging: HostBatch
    resident: Batch
    count: int = 0  # windows that it holds, fewer than it could at the epoch's end
    copied: Mark = None  # reached once its staging buffer may be refilled
    computed: Mark = None  # reached once its resident buffer may be overwritten


class StagingRing:
    """Slots that take turns. A slot goes await_refillable, fill, send, receive, release."""

    def __init__(
        self,
        lane: Lane,
        depth: int,
        batch_size: int,
        window_samples: int,
        dtype: torch.dtype = torch.float32,
        reused: bool = True,
    ) -> None:
        """Take the memory.

        Args:
            lane: where batches go.
            depth: slots.
            batch_size: windows that a slot holds.
            window_samples: samples of a window.
            dtype: of the samples on their way to the device.
            reused: False for rung A5-ring: every batch in new, pageable memory.
        """
        self._lane = lane
        self._shape = batch_size, 1, window_samples
        self._dtype = dtype
        self._reused = reused
        self.slots = [self._new_slot() for _ in range(depth)]

    def __enter__(self) -> "StagingRing":
        return self

    def __exit__(self, *_: object) -> None:
        for slot in self.slots:
            self._lane.wait(slot.copied)

    def await_refillable(self, slot: Slot) -> None:
        """Hold up the host until the slot's last copy has read its staging buffer."""
        self._lane.wait(slot.copied)
        if not self._reused:
            is_the_batch = slot.resident[0] is slot.staging[0]  # nothing is copied here
            slot.staging = self._pageable()
            slot.resident = slot.staging if is_the_batch else slot.resident

    def send(self, slot: Slot) -> None:
        """Start the copy to the device, after what was computed from the slot before."""
        source, target = _first(slot.staging, slot.count), _first(slot.resident, slot.count)
        slot.copied = self._lane.start_copy(source, target, after=slot.computed)

    def receive(self, slot: Slot) -> Batch:
        """The batch on the device; what is computed from now on sees it whole."""
        self._lane.compute_after(slot.copied)
        return _first(slot.resident, slot.count)

    def release(self, slot: Slot) -> None:
        """Say that all compute on the batch has been started."""
        slot.computed = self._lane.mark_compute()

    def _new_slot(self) -> Slot:
        batch_size = self._shape[0]
        if self._reused:
            waveform = self._lane.staging(self._shape, self._dtype)
            label = self._lane.staging((batch_size,), torch.int64)
        else:
            waveform, label = self._pageable()
        resident = self._lane.resident(waveform), self._lane.resident(label)
        # Device memory may be what compute just gave back: the first copy has to wait for it too.
        return Slot((waveform, label), resident, computed=self._lane.mark_compute())

    def _pageable(self) -> HostBatch:
        label = torch.empty(self._shape[0], dtype=torch.int64)
        return torch.empty(self._shape, dtype=self._dtype), label


def staged(slot: Slot) -> HostBatch:
    """The slot's batch in host memory."""
    return _first(slot.staging, slot.count)


def _first(batch: HostBatch | Batch, count: int) -> HostBatch:
    waveform, label = batch
    return batch if count == len(label) else (waveform[:count], label[:count])
