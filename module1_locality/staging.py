"""Rungs A3 and on: a ring of reused staging buffers, and what keeps it from being overwritten.

Three things can go wrong once copies run beside the host and beside compute, and
each has its guard:
- a staging buffer refilled while its copy still reads it: `await_refillable`;
- a resident buffer overwritten while compute still reads it: `send` lets the copy wait;
- computing before the copy has arrived: `receive`.
And the memory must not be given back while a copy is still on its way: leaving the context.
"""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from module1_locality.gather import HostBatch
from module1_locality.lanes import Batch, Lane, Mark, Tensors

_LINE_BYTES = 64


@dataclass
class Slot:
    """A staging buffer and its place on the device."""

    staging: HostBatch
    resident: Batch
    count: int = 0  # windows that it holds, fewer than it could at the epoch's end
    copied: Mark = None  # reached once its staging buffer may be refilled
    computed: Mark = None  # reached once its resident buffer may be overwritten
    packed: tuple[Tensor, Tensor] | None = None  # both buffers whole, where one copy moves both


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
        slot.copied = self._lane.start_copy(*_whole_or_first(slot), after=slot.computed)

    def receive(self, slot: Slot) -> Batch:
        """The batch on the device; what is computed from now on sees it whole."""
        self._lane.compute_after(slot.copied)
        return _first(slot.resident, slot.count)

    def release(self, slot: Slot) -> None:
        """Say that all compute on the batch has been started."""
        slot.computed = self._lane.mark_compute()

    def _new_slot(self) -> Slot:
        if self._reused:
            host = self._lane.staging((self._waveform_bytes() + 8 * self._shape[0],), torch.uint8)
            packed = host, self._lane.resident(host)
            slot = Slot(self._parts(packed[0]), self._parts(packed[1]), packed=packed)
        else:
            waveform, label = self._pageable()
            resident = self._lane.resident(waveform), self._lane.resident(label)
            slot = Slot((waveform, label), resident)
        # Device memory may be what compute just gave back: the first copy has to wait for it too.
        slot.computed = self._lane.mark_compute()
        return slot

    def _parts(self, packed: Tensor) -> HostBatch:
        """Waveforms, and behind them labels, in the bytes of one buffer."""
        waveform, label = packed.tensor_split([self._waveform_bytes()])
        samples = waveform[: prod(self._shape) * self._dtype.itemsize]
        return samples.view(self._dtype).view(self._shape), label.view(torch.int64)

    def _waveform_bytes(self) -> int:
        """As many as let labels begin on a cache line."""
        return -(-prod(self._shape) * self._dtype.itemsize // _LINE_BYTES) * _LINE_BYTES

    def _pageable(self) -> HostBatch:
        label = torch.empty(self._shape[0], dtype=torch.int64)
        return torch.empty(self._shape, dtype=self._dtype), label


def staged(slot: Slot) -> HostBatch:
    """The slot's batch in host memory."""
    return _first(slot.staging, slot.count)


def _first(batch: HostBatch | Batch, count: int) -> HostBatch:
    waveform, label = batch
    return batch if count == len(label) else (waveform[:count], label[:count])


def _whole_or_first(slot: Slot) -> tuple[Tensors, Tensors]:
    """Source and target of the slot's copy: the buffers whole if it is full, else what is there."""
    if slot.packed is not None and slot.count == len(slot.staging[1]):
        return slot.packed[:1], slot.packed[1:]
    return _first(slot.staging, slot.count), _first(slot.resident, slot.count)
