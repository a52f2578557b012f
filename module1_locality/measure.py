"""The two measurements: a fragment of an epoch trained on, and one only assembled."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from time import perf_counter

import numpy as np

from crossscale_results import UserError
from module1_locality.feed import Epoch, batches_in_host_memory, open_feed
from module1_locality.lanes import Batch, Lane
from module1_locality.orders import contiguous_blocks
from module1_locality.rungs import Rung
from module1_locality.stopwatch import Stopwatch
from module1_locality.training_step import TrainingStep


@dataclass(frozen=True)
class Fragment:
    """Means over the timed steps of a fragment; None is what this rung or machine has not."""

    step_ms: float
    wait_ms: float
    assembly_ms: float | None
    copy_ms: float | None
    compute_ms: float | None
    batch_bytes: int
    samples_per_s: float
    losses: list[float]  # of every step, warm-up first


def train_fragment(rung: Rung, epoch: Epoch, lane: Lane, warmup_steps: int, steps: int) -> Fragment:
    """Train for some steps fed by a rung; the clock runs from the end of the warm-up.

    Nothing inside the timed loop waits for the device but what the rung itself does (the blocking
    copies of A0 to A3); the clock stops when the last step's compute is done.
    """
    assembly, wait = Stopwatch(), Stopwatch()
    train = TrainingStep(epoch.shuffle.seed, lane)
    samples = 0
    with closing(open_feed(rung, epoch, lane, assembly)) as feed:
        for _ in range(warmup_steps):
            train(next(feed))
        lane.wait(lane.mark_compute())
        lane.clear_times()
        assembly.clear()
        start = perf_counter()
        for _ in range(steps):
            with wait.lap():
                batch = next(feed)
            train(batch)
            samples += len(batch[1])
        lane.wait(lane.mark_compute())
        elapsed_s = perf_counter() - start
        batch_bytes = _bytes(batch)
        assembly_ms = assembly.mean_ms()
    wait_ms = wait.mean_ms()
    assert wait_ms is not None  # steps >= 1
    return Fragment(
        step_ms=1e3 * elapsed_s / steps,
        wait_ms=wait_ms,
        assembly_ms=None if rung.in_workers or rung.gather == "once" else assembly_ms,
        copy_ms=None if rung.gather == "once" else lane.mean_copy_ms(),
        compute_ms=lane.mean_compute_ms(),
        batch_bytes=batch_bytes,
        samples_per_s=samples / elapsed_s,
        losses=train.losses(),
    )


@dataclass(frozen=True)
class Assembly:
    """Batches made in host memory with nothing else going on."""

    batch_ms: float
    samples_per_s: float
    gb_per_s: float


def assemble_fragment(
    rung: Rung, epoch: Epoch, lane: Lane, warmup_batches: int, batches: int
) -> Assembly:
    """Make batches the rung's way and drop them."""
    made = batches_in_host_memory(rung, epoch, lane)
    for _ in range(warmup_batches):
        next(made)
    samples, size_bytes = 0, 0
    start = perf_counter()
    for _ in range(batches):
        batch = next(made)
        samples += len(batch[1])
        size_bytes += _bytes(batch)
    return _assembly(perf_counter() - start, batches, samples, size_bytes)


def copy_in_order(epoch: Epoch, warmup_batches: int, batches: int) -> Assembly:
    """The bound on assembly: the shard's windows copied in their own order, batch by batch.

    As in assembly the source is read once and the target is one buffer that stays in the caches.
    """
    target = np.empty((epoch.batch_size, epoch.windows.samples.shape[1]), np.float32)
    pieces = _full_pieces(epoch, first=epoch.shuffle.epoch * batches)
    for _ in range(warmup_batches):
        target[:] = epoch.windows.samples[next(pieces)]
    start = perf_counter()
    for _ in range(batches):
        target[:] = epoch.windows.samples[next(pieces)]
    elapsed_s = perf_counter() - start
    return _assembly(elapsed_s, batches, batches * epoch.batch_size, batches * target.nbytes)


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


def _assembly(elapsed_s: float, batches: int, samples: int, size_bytes: int) -> Assembly:
    return Assembly(1e3 * elapsed_s / batches, samples / elapsed_s, size_bytes / elapsed_s / 1e9)


def _bytes(batch: Batch) -> int:
    return sum(part.numel() * part.element_size() for part in batch)
