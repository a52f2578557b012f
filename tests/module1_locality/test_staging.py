"""Each guard of the staging ring is needed: without it, a late device is fed wrong data."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from crossscale_results import UserError
from module1_locality.epoch import Epoch
from module1_locality.feed import open_feed
from module1_locality.lanes import HostLane
from module1_locality.rungs import RUNGS
from module1_locality.staging import Slot, StagingRing, staged
from module1_locality.stopwatch import Stopwatch
from module1_locality.verify import verify

pytestmark = pytest.mark.usefixtures("no_thread_left")


def seen_by_compute(name: str, epoch: Epoch, lane: Any) -> list[list[int]]:
    """The labels that compute found in its batches."""
    seen: list[list[int]] = []
    for _, label in open_feed(RUNGS[name], epoch, lane, Stopwatch()):
        lane.compute(lambda label=label: seen.append(label.tolist()))
    lane.finish_compute()
    return seen


def expected(epoch: Epoch) -> list[list[int]]:
    return [label.tolist() for _, label in open_feed(RUNGS["A2"], epoch, HostLane(), Stopwatch())]


def refill_without_waiting(ring: StagingRing, slot: Slot) -> None:
    """Mutation: the staging buffer is refilled while its copy still reads it."""


def send_without_waiting(ring: StagingRing, slot: Slot) -> None:
    """Mutation: the copy overwrites what compute still reads."""
    source = staged(slot)
    target = slot.resident[0][: slot.count], slot.resident[1][: slot.count]
    slot.copied = ring._lane.start_copy(source, target, after=None)


def receive_without_waiting(ring: StagingRing, slot: Slot) -> Any:
    """Mutation: compute begins before the copy has arrived."""
    return slot.resident[0][: slot.count], slot.resident[1][: slot.count]


MUTATIONS = [
    ("await_refillable", refill_without_waiting, False),
    ("send", send_without_waiting, False),
    ("receive", receive_without_waiting, True),
]


@pytest.mark.parametrize("name", ["A4", "A5", "A6-gather", "A6-thread", "A6-int16"])
@pytest.mark.parametrize(("guard", "mutation", "eager_compute"), MUTATIONS)
def test_a_missing_guard_is_caught(
    make_epoch: Callable[..., Epoch],
    late_lane: Any,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    guard: str,
    mutation: Callable[..., Any],
    eager_compute: bool,
) -> None:
    epoch = make_epoch(windows=60, batch_size=4, depth=2)
    assert seen_by_compute(name, epoch, late_lane(eager_compute)) == expected(epoch)
    monkeypatch.setattr(StagingRing, guard, mutation)
    assert seen_by_compute(name, epoch, late_lane(eager_compute)) != expected(epoch)


@pytest.mark.parametrize("name", ["A4", "A5", "A6-gather", "A6-thread", "A6-int16"])
@pytest.mark.parametrize(("guard", "mutation", "eager_compute"), MUTATIONS)
def test_checksums_find_a_missing_guard(
    make_epoch: Callable[..., Epoch],
    late_lane: Any,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    guard: str,
    mutation: Callable[..., Any],
    eager_compute: bool,
) -> None:
    epoch = make_epoch(windows=60, batch_size=4, depth=2)
    verify(RUNGS[name], epoch, late_lane(eager_compute), batches=15)
    monkeypatch.setattr(StagingRing, guard, mutation)
    with pytest.raises(UserError, match=f"rung {name} feeds wrong data: batch"):
        verify(RUNGS[name], epoch, late_lane(eager_compute), batches=15)


def test_a_ring_that_is_not_reused_takes_new_memory_each_time(late_lane: Any) -> None:
    with StagingRing(late_lane(), 2, 3, 5, reused=False) as ring:
        slot = ring.slots[0]
        before, resident = slot.staging, slot.resident
        ring.await_refillable(slot)
        assert slot.staging[0].data_ptr() != before[0].data_ptr()
        assert slot.resident is resident


def test_leaving_the_ring_waits_for_its_copies(late_lane: Any) -> None:
    lane = late_lane()
    with StagingRing(lane, depth=3, batch_size=2, window_samples=4) as ring:
        for slot in ring.slots:
            slot.count = 2
            ring.send(slot)
        assert lane.copies_on_their_way() == 3
    assert lane.copies_on_their_way() == 0


def test_the_first_copy_waits_for_what_was_computed_before_the_ring(late_lane: Any) -> None:
    lane = late_lane()
    order: list[str] = []
    lane.compute(lambda: order.append("before"))
    with StagingRing(lane, depth=2, batch_size=1, window_samples=1) as ring:
        ring.slots[0].count = 1
        ring.send(ring.slots[0])
        lane.wait(ring.slots[0].copied)
        assert order == ["before"]


def test_without_an_accelerator_the_staging_buffer_is_the_batch() -> None:
    with StagingRing(HostLane(), depth=2, batch_size=3, window_samples=5) as ring:
        slot = ring.slots[0]
        slot.staging[0].fill_(7)
        slot.count = 2
        ring.send(slot)
        waveform, label = ring.receive(slot)
    assert waveform.shape == (2, 1, 5)
    assert label.shape == (2,)
    assert waveform.data_ptr() == slot.staging[0].data_ptr()
    assert torch.equal(waveform, torch.full((2, 1, 5), 7.0))
