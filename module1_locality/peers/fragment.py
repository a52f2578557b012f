"""One raw sample: a fragment of an epoch assembled in host memory and dropped."""

from dataclasses import dataclass
from time import perf_counter

from module1_locality.epoch import Epoch
from module1_locality.measure import batch_bytes
from module1_locality.peers.contestant import OpenEpoch

_MOST_S = 1.0  # the slowest are a thousand times slower than the fastest


@dataclass(frozen=True)
class Fragment:
    """How fast it went, and how long before it began."""

    windows: int
    samples_per_s: float
    gb_per_s: float
    first_batch_ms: float


def assemble(open_epoch: OpenEpoch, epoch: Epoch, warmup_batches: int, windows: int) -> Fragment:
    """Ask for batches until they hold `windows` windows, or for a second; not for the warm-up's.

    What is ahead of the clock when it starts counts for the library that is ahead. All is done once
    before: what shares its source with others would find it warmer than what has its own files.
    """
    _assemble(open_epoch, epoch, warmup_batches, windows)
    return _assemble(open_epoch, epoch, warmup_batches, windows)


def _assemble(open_epoch: OpenEpoch, epoch: Epoch, warmup_batches: int, windows: int) -> Fragment:
    asked = perf_counter()
    batches = open_epoch(epoch)
    next(batches)
    first_batch_s = perf_counter() - asked
    for _ in range(warmup_batches - 1):
        next(batches)
    samples, size_bytes = 0, 0
    start = perf_counter()
    while samples < windows and perf_counter() - start < _MOST_S:
        batch = next(batches)
        samples += len(batch[1])
        size_bytes += batch_bytes(batch)
    elapsed_s = perf_counter() - start
    return Fragment(samples, samples / elapsed_s, size_bytes / elapsed_s / 1e9, 1e3 * first_batch_s)
