"""Proof that a rung feeds what it promises: checksums on the device, outside any timing.

The consumer is slow: before each batch is summed, compute is kept busy, so that whoever refills a
buffer too early does so before the sum. Sums are of integers, hence exact, and of any order.
"""

from contextlib import closing
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from crossscale_results import UserError
from module1_locality.batch_maker import BatchMaker
from module1_locality.epoch import Epoch
from module1_locality.feed import open_feed
from module1_locality.lanes import Batch, Lane
from module1_locality.rungs import Rung
from module1_locality.stopwatch import Stopwatch


def verify(rung: Rung, epoch: Epoch, lane: Lane, batches: int) -> None:
    """Hold the rung's first batches of the epoch against the windows they should be.

    Raises:
        UserError: a batch is not what was to be fed.
    """
    found: list[Tensor] = []
    with closing(open_feed(rung, epoch, lane, Stopwatch())) as feed:
        for batch in islice(feed, batches):
            lane.dawdle()
            lane.compute(lambda batch=batch: found.append(checksum(batch)))  # type: ignore[misc]
        lane.wait(lane.mark_compute())
    expected = _expected(rung, epoch, batches)
    if len(found) != len(expected):
        raise UserError(f"rung {rung.name} feeds {len(found)} batches instead of {len(expected)}")
    for number, (is_, should_be) in enumerate(zip(found, expected, strict=True)):
        if not torch.equal(is_.cpu(), should_be):
            raise UserError(
                f"rung {rung.name} feeds wrong data: batch {number} of {epoch.batch_size} windows "
                "is not what the shard holds; do not use this run, and report it with what "
                "`python -m torch.utils.collect_env` prints"
            )


def checksum(batch: Batch) -> Tensor:
    """int64 [2], on the batch's device: waveforms and labels, each bit and its place counted."""
    waveform, label = batch
    bits = waveform.contiguous().view(torch.int32).flatten().to(torch.int64)
    return torch.stack([_weighted(bits), _weighted(label)])


def _weighted(values: Tensor) -> Tensor:
    return (values * (2 * torch.arange(len(values), device=values.device) + 1)).sum()


def _expected(rung: Rung, epoch: Epoch, batches: int) -> list[Tensor]:
    """The checksums of what the rung's order says, gathered as plainly as can be."""
    maker = BatchMaker(rung, epoch)
    control = rung.gather == "once"  # one batch, without an end
    sums = []
    for number in range(batches if control else min(batches, len(maker.batches))):
        rows = maker.batches[0 if control else number].numpy()
        waveform = torch.from_numpy(maker.windows.samples[rows].astype(np.float32))
        if maker.step_mv is not None:
            waveform.mul_(maker.step_mv)
        sums.append(checksum((waveform, torch.from_numpy(maker.windows.label[rows]))))
    return sums
