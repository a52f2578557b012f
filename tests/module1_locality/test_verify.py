"""Checksums of what is fed: they pass what is right, and catch what is not, also on a CPU."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from crossscale_results import UserError
from module1_locality import feed
from module1_locality.epoch import Epoch
from module1_locality.filler import Filler
from module1_locality.lanes import HostLane
from module1_locality.rungs import LADDER, RUNGS, Rung
from module1_locality.verify import checksum, verify
from module2_openmp_conv.row_filler import Filled, RowFiller

pytestmark = pytest.mark.usefixtures("no_thread_left")


@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.name)
def test_every_rung_passes_on_either_device(
    make_epoch: Callable[..., Epoch], late_lane: Any, rung: Rung
) -> None:
    for lane in (HostLane(), late_lane(), late_lane(eager_compute=True)):
        verify(rung, make_epoch(windows=59, batch_size=8, depth=3), lane, batches=20)


class Hasty(Filler[Any]):
    """Gives every slot back before it is used."""

    def filled(self) -> Iterator[Any]:
        for slot in super().filled():
            super().release(slot)
            yield slot

    def release(self, slot: Any) -> None:
        return None


class HastyNative(RowFiller):
    """The same of the thread without Python."""

    def filled(self) -> Iterator[Filled]:
        for batch in super().filled():
            super().release()
            yield batch

    def release(self) -> None:
        return None


@pytest.mark.parametrize("name", ["A5", "A5-order", "A6-gather", "A6-thread"])
def test_a_slot_given_back_early_is_caught(
    make_epoch: Callable[..., Epoch], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(feed, "Filler", Hasty)
    monkeypatch.setattr(feed, "RowFiller", HastyNative)
    with pytest.raises(UserError, match=f"rung {name} feeds wrong data: batch"):
        verify(RUNGS[name], make_epoch(windows=60, batch_size=4, depth=2), HostLane(), batches=15)


def test_a_feed_that_ends_early_is_caught(
    make_epoch: Callable[..., Epoch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("module1_locality.verify.open_feed", lambda *_: (_ for _ in ()))
    with pytest.raises(UserError, match="rung A2 feeds 0 batches instead of 7"):
        verify(RUNGS["A2"], make_epoch(windows=50, batch_size=8), HostLane(), batches=20)


def test_a_checksum_knows_bits_and_places() -> None:
    waveform, label = torch.zeros(2, 1, 3), torch.tensor([1, 2])
    same = checksum((waveform.clone(), label.clone()))
    assert torch.equal(checksum((waveform, label)), same)
    assert not torch.equal(checksum((waveform, label.flip(0))), same)
    waveform[1, 0, 2] = torch.finfo(torch.float32).tiny
    changed = checksum((waveform, label))
    assert not torch.equal(changed, same)
    assert not torch.equal(checksum((waveform.flip(0), label)), changed)
