"""Each rung's batches of one epoch, on the device that computes.

A batch is valid until the next one is asked for: that is when its buffer may be used again. Close
the generator to stop early.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import cycle, repeat

import torch

from module1_locality.filler import Filler
from module1_locality.lanes import Batch, Lane
from module1_locality.loaders import HostBatch, batch_loader, window_loader
from module1_locality.orders import global_shuffle
from module1_locality.rungs import Rung
from module1_locality.shuffle_buffer import BlockShuffle, ShuffleBuffer
from module1_locality.staging import Slot, StagingRing, staged
from module1_locality.stopwatch import Stopwatch
from module1_locality.training_windows import TrainingWindows


@dataclass(frozen=True)
class Epoch:
    """One epoch's batches, before it is said how they are made."""

    windows: TrainingWindows
    batch_size: int
    shuffle: BlockShuffle  # its seed and epoch are also the global shuffle's
    workers: int
    depth: int


def open_feed(
    rung: Rung, epoch: Epoch, lane: Lane, assembly: Stopwatch
) -> Generator[Batch, None, None]:
    """The rung's batches on the lane's device; `assembly` times the making of each."""
    if rung.gather == "once":
        yield from repeat(lane.copy_now(next(batches_in_host_memory(rung, epoch, lane))))
    elif rung.filler:
        yield from _prefetched(epoch, lane, assembly)
    elif rung.side_stream:
        yield from _copied_beside_compute(epoch, lane, assembly)
    else:
        for batch in _timed(batches_in_host_memory(rung, epoch, lane), assembly):
            yield lane.copy_now(batch)


def batches_in_host_memory(rung: Rung, epoch: Epoch, lane: Lane) -> Iterator[HostBatch]:
    """The rung's batches as they are before any copy: what host assembly alone is measured on."""
    if rung.ring:
        return _in_ring(epoch, lane)
    if rung.order == "contiguous":
        return _in_fresh_memory(epoch)
    order = global_shuffle(epoch.windows.rows, epoch.shuffle.seed, epoch.shuffle.epoch)
    if rung.gather == "window":
        workers = epoch.workers if rung.in_workers else 0
        return window_loader(epoch.windows, order, epoch.batch_size, workers)
    return batch_loader(epoch.windows, order, epoch.batch_size)


def _in_fresh_memory(epoch: Epoch) -> Iterator[HostBatch]:
    """A2: every batch in newly allocated, pageable memory."""
    buffer = ShuffleBuffer(epoch.windows, epoch.shuffle)
    while True:
        waveform = torch.empty((epoch.batch_size, 1, epoch.windows.samples.shape[1]))
        label = torch.empty(epoch.batch_size, dtype=torch.int64)
        count = buffer.take_into((waveform, label))
        if count == 0:
            return
        yield waveform[:count], label[:count]


def _in_ring(epoch: Epoch, lane: Lane) -> Iterator[HostBatch]:
    """A3: the same batches in reused buffers, each free again when the next batch is asked for."""
    buffer = ShuffleBuffer(epoch.windows, epoch.shuffle)
    for slot in cycle(_ring(epoch, lane).slots):
        slot.count = buffer.take_into(slot.staging)
        if slot.count == 0:
            return
        yield staged(slot)


def _copied_beside_compute(
    epoch: Epoch, lane: Lane, assembly: Stopwatch
) -> Generator[Batch, None, None]:
    """A4: the copy of a batch runs while the batch before is computed on."""
    buffer = ShuffleBuffer(epoch.windows, epoch.shuffle)
    with _ring(epoch, lane) as ring:
        for slot in cycle(ring.slots):
            if not _fill_and_send(slot, ring, buffer, assembly):
                return
            yield ring.receive(slot)
            ring.release(slot)


def _prefetched(epoch: Epoch, lane: Lane, assembly: Stopwatch) -> Generator[Batch, None, None]:
    """A5: a thread fills and sends, up to `depth` batches ahead."""
    buffer = ShuffleBuffer(epoch.windows, epoch.shuffle)
    with (
        _ring(epoch, lane) as ring,
        Filler(ring.slots, lambda slot: _fill_and_send(slot, ring, buffer, assembly)) as filler,
    ):
        for slot in filler.filled():
            yield ring.receive(slot)
            ring.release(slot)
            filler.release(slot)


def _fill_and_send(
    slot: Slot, ring: StagingRing, buffer: ShuffleBuffer, assembly: Stopwatch
) -> bool:
    """Make the next batch in the slot and start its copy; False at the epoch's end."""
    ring.await_refillable(slot)
    with assembly.lap():
        slot.count = buffer.take_into(slot.staging)
    if slot.count == 0:
        return False
    ring.send(slot)
    return True


def _ring(epoch: Epoch, lane: Lane) -> StagingRing:
    return StagingRing(lane, epoch.depth, epoch.batch_size, epoch.windows.samples.shape[1])


def _timed(batches: Iterator[HostBatch], assembly: Stopwatch) -> Iterator[HostBatch]:
    while True:
        with assembly.lap():
            batch = next(batches, None)
        if batch is None:
            return
        yield batch
