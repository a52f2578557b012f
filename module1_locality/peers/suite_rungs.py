"""The suite's own rungs, opened as contestants are."""

from collections.abc import Iterator

from module1_locality.epoch import Epoch
from module1_locality.feed import batches_in_host_memory, open_feed
from module1_locality.gather import HostBatch
from module1_locality.lanes import HostLane
from module1_locality.peers.contestant import Contestant, OpenEpoch, Order, Way
from module1_locality.rungs import RUNGS, Rung
from module1_locality.stopwatch import Stopwatch


def rung_contestant(name: str) -> Contestant:
    """A rung of the ladder, in host memory only."""
    rung = RUNGS[name]
    order: Order = "buffer" if rung.order == "contiguous" else "random"
    way = Way(f"{rung.title}: see the ladder", order, lambda _: _epochs_of(rung))
    return Contestant(name, "suite", "crossscale-ecg", "module1_locality", way)


def _epochs_of(rung: Rung) -> OpenEpoch:
    def open_epoch(epoch: Epoch) -> Iterator[HostBatch]:
        lane = HostLane()
        if rung.filler:  # only the feed has the thread; on the CPU it copies nothing
            return open_feed(rung, epoch, lane, Stopwatch())
        return batches_in_host_memory(rung, epoch, lane)

    return open_epoch
