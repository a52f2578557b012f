"""The two measurements: a fragment of an epoch trained on, and one only assembled."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from statistics import median
from time import perf_counter

import numpy as np

from crossscale_results import UserError
from module1_locality.copies import copy_for
from module1_locality.epoch import Epoch
from module1_locality.feed import batches_in_host_memory, open_feed
from module1_locality.host_counters import HostCounters, HostCounts
from module1_locality.lanes import Batch, Lane, Timeline
from module1_locality.orders import contiguous_blocks
from module1_locality.rungs import Rung
from module1_locality.stopwatch import Span, Stopwatch, alone_s, mean_ms
from module1_locality.training_step import training_step_of

_SYNCHRONISED_COPIES = 5


@dataclass(frozen=True)
class Spans:
    """When what ran in the timed part of a fragment, each in order, on the host's clock."""

    wait: list[Span]
    assembly: list[Span]
    copy: list[Span]
    compute: list[Span]


@dataclass(frozen=True)
class Fragment:
    """Means over the timed steps of a fragment; None is what this rung or machine has not."""

    step_ms: float
    wait_ms: float
    assembly_ms: float | None
    copy_ms: float | None
    exposed_copy_ms: float | None  # in which a copy ran and nothing was computed
    compute_ms: float | None
    batch_bytes: int  # as it is copied
    samples_per_s: float
    losses: list[float]  # of every step, warm-up first
    counts: HostCounts
    spans: Spans


def train_fragment(rung: Rung, epoch: Epoch, lane: Lane, warmup_steps: int, steps: int) -> Fragment:
    """Train for some steps fed by a rung; the clock runs from the end of the warm-up.

    Nothing inside the timed loop waits for the device but what the rung itself does (the blocking
    copies of A0 to A3); the clock stops when the last step's compute is done. The same batches are
    fed once before, untrained and untimed: a rung that reads what another one has just read, or a
    copy of its own, would else find it warmer or colder.
    """
    _feed_once(rung, epoch, lane, warmup_steps + steps)
    assembly, wait = Stopwatch(), Stopwatch()
    train = training_step_of(rung, epoch, lane)
    samples = 0
    with closing(open_feed(rung, epoch, lane, assembly)) as feed:
        for _ in range(warmup_steps):
            train(next(feed))
        lane.wait(lane.mark_compute())
        lane.clear_times()
        assembly.clear()
        counters = HostCounters()
        start = perf_counter()
        for _ in range(steps):
            with wait.lap():
                batch = next(feed)
            train(batch)
            samples += len(batch[1])
        lane.wait(lane.mark_compute())
        stop = perf_counter()
        counts = counters.so_far()
        assembled = assembly.spans()
    elapsed_s = stop - start
    timeline = _until(stop, lane.timeline())  # once no copy is on its way any more
    copy_ms, exposed_copy_ms = _copy_times(rung, epoch, lane, timeline, steps)
    waited_ms = wait.mean_ms()
    assert waited_ms is not None  # steps >= 1
    on_device = rung.store == "device" and lane.has_accelerator
    seen = not rung.in_workers and not on_device and rung.gather != "once"
    return Fragment(
        step_ms=1e3 * elapsed_s / steps,
        wait_ms=waited_ms,
        assembly_ms=mean_ms(assembled) if seen else None,
        copy_ms=copy_ms,
        exposed_copy_ms=exposed_copy_ms,
        compute_ms=mean_ms(timeline.computes),
        batch_bytes=_wire_bytes(rung, epoch),
        samples_per_s=samples / elapsed_s,
        losses=train.losses(),
        counts=counts,
        spans=Spans(wait.spans(), assembled if seen else [], timeline.copies, timeline.computes),
    )


def _feed_once(rung: Rung, epoch: Epoch, lane: Lane, batches: int) -> None:
    with closing(open_feed(rung, epoch, lane, Stopwatch())) as feed:
        for _ in islice(feed, batches):
            pass
    lane.wait(lane.mark_compute())


def _until(stop: float, timeline: Timeline) -> Timeline:
    """Without the copies of batches that were made ahead and never asked for."""
    return Timeline([copy for copy in timeline.copies if copy[0] < stop], timeline.computes)


def _copy_times(
    rung: Rung, epoch: Epoch, lane: Lane, timeline: Timeline, steps: int
) -> tuple[float | None, float | None]:
    """Mean time of a copy, and of it the time in which nothing was computed, in ms.

    A copy from pageable memory is timed on its own afterwards. If it blocks it is exposed whole; on
    a side stream nothing tells how much of it is.
    """
    if rung.gather == "once" or rung.store == "device" or not lane.has_accelerator:
        return None, None
    if rung.ring or rung.pinned_in_loop:
        return mean_ms(timeline.copies), 1e3 * alone_s(timeline.copies, timeline.computes) / steps
    batches = islice(batches_in_host_memory(rung, epoch, lane), _SYNCHRONISED_COPIES)
    times = [ms for batch in batches if (ms := lane.synchronised_copy_ms(batch)) is not None]
    copy_ms = median(times) if times else None
    return copy_ms, None if rung.side_stream else copy_ms


def _wire_bytes(rung: Rung, epoch: Epoch) -> int:
    """Bytes of a whole batch as it is copied: samples and labels."""
    copy = copy_for(rung, epoch)
    windows = epoch.windows if copy is None else copy.windows
    return epoch.batch_size * (windows.samples[:1].nbytes + windows.label[:1].nbytes)


@dataclass(frozen=True)
class Assembly:
    """Batches made in host memory with nothing else going on."""

    batch_ms: float
    samples_per_s: float
    gb_per_s: float
    counts: HostCounts


def assemble_fragment(
    rung: Rung, epoch: Epoch, lane: Lane, warmup_batches: int, batches: int
) -> Assembly:
    """Make batches the rung's way and drop them: once untimed, then the same ones timed.

    Else a rung that reads a copy of its own would find it colder than those that share the shard.
    """
    for _ in islice(batches_in_host_memory(rung, epoch, lane), warmup_batches + batches):
        pass
    made = batches_in_host_memory(rung, epoch, lane)
    for _ in range(warmup_batches):
        next(made)
    samples, size_bytes = 0, 0
    counters = HostCounters()
    start = perf_counter()
    for _ in range(batches):
        batch = next(made)
        samples += len(batch[1])
        size_bytes += batch_bytes(batch)
    return _assembly(perf_counter() - start, batches, samples, size_bytes, counters)


def copy_in_order(epoch: Epoch, warmup_batches: int, batches: int) -> Assembly:
    """The bound on assembly: the shard's windows copied in their own order, batch by batch.

    As in assembly the source was read once before and the target is one buffer that stays in the
    caches.
    """
    target = np.empty((epoch.batch_size, epoch.windows.samples.shape[1]), np.float32)
    first = epoch.shuffle.epoch * batches
    pieces = list(islice(_full_pieces(epoch, first), warmup_batches + batches))
    for piece in pieces + pieces[:warmup_batches]:
        target[:] = epoch.windows.samples[piece]
    counters = HostCounters()
    start = perf_counter()
    for piece in pieces[warmup_batches:]:
        target[:] = epoch.windows.samples[piece]
    elapsed_s = perf_counter() - start
    samples, size_bytes = batches * epoch.batch_size, batches * target.nbytes
    return _assembly(elapsed_s, batches, samples, size_bytes, counters)


def _full_pieces(epoch: Epoch, first: int) -> Iterator[slice]:
    """Batch-sized runs of the shard in its order from the `first` on, over and over.

    Each repeat begins elsewhere, so that the source is not in the caches from the one before.
    """
    pieces = [
        piece
        for piece in contiguous_blocks(epoch.windows.rows, epoch.batch_size)
        if piece.stop - piece.start == epoch.batch_size
    ]
    if not pieces:
        raise UserError(
            f"no run of the training windows is as long as a batch of {epoch.batch_size}: give "
            "smaller --batch-sizes"
        )
    for i in count(first):
        yield pieces[i % len(pieces)]


def _assembly(
    elapsed_s: float, batches: int, samples: int, size_bytes: int, counters: HostCounters
) -> Assembly:
    return Assembly(
        batch_ms=1e3 * elapsed_s / batches,
        samples_per_s=samples / elapsed_s,
        gb_per_s=size_bytes / elapsed_s / 1e9,
        counts=counters.so_far(),
    )


def batch_bytes(batch: Batch) -> int:
    """Of waveforms and labels."""
    return sum(part.numel() * part.element_size() for part in batch)
