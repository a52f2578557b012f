"""Each rung's batches of one epoch, on the device that computes.

A batch is valid until the next one is asked for: that is when its buffer may be used again. Close
the generator to stop early.
"""

from collections.abc import Generator, Iterator
from itertools import cycle, repeat

import torch
from torch import Tensor

from module1_locality.batch_maker import BatchMaker
from module1_locality.copies import resident_dataset
from module1_locality.epoch import Epoch, rows_in_order
from module1_locality.filler import Filler
from module1_locality.gather import HostBatch
from module1_locality.lanes import Batch, Lane
from module1_locality.loaders import batch_loader, window_loader
from module1_locality.rungs import Rung
from module1_locality.staging import Slot, StagingRing, staged
from module1_locality.stopwatch import Stopwatch
from module2_openmp_conv import RowFiller


def open_feed(
    rung: Rung, epoch: Epoch, lane: Lane, assembly: Stopwatch
) -> Generator[Batch, None, None]:
    """The rung's batches on the lane's device; `assembly` times the making of each."""
    if rung.is_control:
        yield from repeat(lane.copy_now(next(batches_in_host_memory(rung, epoch, lane))))
    elif rung.store == "device":
        yield from _gathered_on_the_device(rung, epoch, lane, assembly)
    elif rung.filler == "native":
        yield from _prefetched_natively(rung, epoch, lane, assembly)
    elif rung.filler:
        yield from _prefetched(rung, epoch, lane, assembly)
    elif rung.side_stream:
        yield from _copied_beside_compute(rung, epoch, lane, assembly)
    else:
        for batch in _timed(batches_in_host_memory(rung, epoch, lane), assembly):
            pinned = lane.pin(batch) if rung.pinned_in_loop else batch
            yield lane.copy_now(pinned, rung.non_blocking)


def batches_in_host_memory(rung: Rung, epoch: Epoch, lane: Lane) -> Iterator[HostBatch]:
    """The rung's batches as they are before any copy: what host assembly alone is measured on."""
    maker = BatchMaker(rung, epoch)
    if rung.ring:
        return _in_ring(maker, epoch, lane)
    if rung.gather == "window":
        workers = epoch.workers if rung.in_workers else 0
        return window_loader(maker.windows, maker.batches, workers)
    return batch_loader(maker.windows, maker.batches)


def _in_ring(maker: BatchMaker, epoch: Epoch, lane: Lane) -> Iterator[HostBatch]:
    """A3: batches in reused buffers, each free again when the next batch is asked for."""
    for slot in cycle(_ring(maker, epoch, lane).slots):
        slot.count = maker.take_into(slot.staging)
        if slot.count == 0:
            return
        yield staged(slot)


def _copied_beside_compute(
    rung: Rung, epoch: Epoch, lane: Lane, assembly: Stopwatch
) -> Generator[Batch, None, None]:
    """A4: the copy of a batch runs while the batch before is computed on."""
    maker = BatchMaker(rung, epoch)
    with _ring(maker, epoch, lane) as ring:
        for slot in cycle(ring.slots):
            ring.await_refillable(slot)
            if not _fill(slot, maker, assembly):
                return
            ring.send(slot)
            yield ring.receive(slot)
            ring.release(slot)


def _prefetched(
    rung: Rung, epoch: Epoch, lane: Lane, assembly: Stopwatch
) -> Generator[Batch, None, None]:
    """A5 and its kin: a thread fills and sends, up to `depth` batches ahead."""
    maker = BatchMaker(rung, epoch)

    def fill(slot: Slot) -> bool:
        ring.await_refillable(slot)
        if not _fill(slot, maker, assembly):
            return False
        if rung.side_stream:
            ring.send(slot)
        return True

    with (
        _ring(maker, epoch, lane, reused=rung.ring) as ring,
        Filler(ring.slots, fill) as filler,
    ):
        for slot in filler.filled():
            wire = ring.receive(slot) if rung.side_stream else lane.copy_now(staged(slot))
            yield _in_mv(wire, maker.step_mv, lane)
            ring.release(slot)
            filler.release(slot)


def _prefetched_natively(
    rung: Rung, epoch: Epoch, lane: Lane, assembly: Stopwatch
) -> Generator[Batch, None, None]:
    """A6-thread: a thread without Python fills; this one sends each batch a step ahead."""
    maker = BatchMaker(rung, epoch)

    def sent(filler: RowFiller) -> Iterator[Slot]:
        for index, count, span in filler.filled():
            assembly.add(span)
            slot = ring.slots[index]
            slot.count = count
            ring.send(slot)
            yield slot

    with (
        _ring(maker, epoch, lane) as ring,
        RowFiller(maker.rows, _arrays(maker, ring)) as filler,
    ):
        for slot in _one_ahead(sent(filler)):
            yield _in_mv(ring.receive(slot), maker.step_mv, lane)
            ring.release(slot)
            ring.await_refillable(slot)
            filler.release()


def _arrays(maker: BatchMaker, ring: StagingRing) -> list[tuple[Tensor, list[Tensor]]]:
    """What is gathered, samples and labels, and where in each slot."""
    waveforms = [slot.staging[0].squeeze(1) for slot in ring.slots]
    labels = [slot.staging[1] for slot in ring.slots]
    return [(maker.windows.samples_tensor, waveforms), (maker.windows.label_tensor, labels)]


def _one_ahead(slots: Iterator[Slot]) -> Iterator[Slot]:
    """Each slot once the one after it, where there is one, has been taken as well."""
    slot = next(slots, None)
    while slot is not None:
        following = next(slots, None)
        yield slot
        slot = following


def _gathered_on_the_device(
    rung: Rung, epoch: Epoch, lane: Lane, assembly: Stopwatch
) -> Generator[Batch, None, None]:
    """C1: only the order goes to the device, once an epoch."""
    dataset = resident_dataset(epoch.windows, lane.device)
    order = torch.from_numpy(dataset.place[rows_in_order(rung, epoch)]).to(lane.device)
    for rows in order.split(epoch.batch_size):
        with assembly.lap():
            waveform = dataset.samples.index_select(0, rows).unsqueeze(1)
            label = dataset.label.index_select(0, rows)
        yield waveform, label


def _fill(slot: Slot, maker: BatchMaker, assembly: Stopwatch) -> bool:
    """Make the next batch in the slot; False at the epoch's end."""
    with assembly.lap():
        slot.count = maker.take_into(slot.staging)
    return slot.count > 0


def _ring(maker: BatchMaker, epoch: Epoch, lane: Lane, reused: bool = True) -> StagingRing:
    window_samples = maker.windows.samples.shape[1]
    dtype = maker.windows.samples_tensor.dtype
    return StagingRing(lane, epoch.depth, epoch.batch_size, window_samples, dtype, reused)


def _in_mv(batch: Batch, step_mv: float | None, lane: Lane) -> Batch:
    """Samples that came as steps, scaled by the device; others as they are."""
    if step_mv is None:
        return batch
    steps, label = batch
    waveform = torch.empty(steps.shape, dtype=torch.float32, device=steps.device)
    lane.compute(lambda: torch.mul(steps, step_mv, out=waveform))
    return waveform, label


def _timed(batches: Iterator[HostBatch], assembly: Stopwatch) -> Iterator[HostBatch]:
    while True:
        with assembly.lap():
            batch = next(batches, None)
        if batch is None:
            return
        yield batch
