"""Every rung feeds the same windows, with their labels, in the order it promises."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from module1_locality import batch_maker, loaders
from module1_locality.batch_maker import BatchMaker
from module1_locality.epoch import Epoch
from module1_locality.feed import open_feed
from module1_locality.lanes import HostLane, Lane
from module1_locality.rungs import LADDER, RUNGS
from module1_locality.stopwatch import Stopwatch

pytestmark = pytest.mark.usefixtures("no_thread_left")

IN_PROCESS = tuple(r.name for r in LADDER if not r.in_workers and r.gather != "once")
RANDOM = [name for name in IN_PROCESS if RUNGS[name].order == "random"]
CONTIGUOUS = [name for name in IN_PROCESS if RUNGS[name].order == "contiguous"]
RINGS = [r.name for r in LADDER if r.ring or r.filler]
GATHERED = [n for n in IN_PROCESS if RUNGS[n].gather != "window" and RUNGS[n].store != "device"]
# C++'s thread has nothing that can fail: all rows are checked before it starts.
MAY_FAIL = [name for name in GATHERED if RUNGS[name].filler != "native"]
MakeEpoch = Callable[..., Epoch]


def feed_on_cpu(name: str, epoch: Epoch) -> list[list[int]]:
    """A rung's labels, batch by batch; checks that each waveform came with its label."""
    batches = []
    for waveform, label in open_feed(RUNGS[name], epoch, HostLane(), Stopwatch()):
        assert waveform.shape == (len(label), 1, 8)
        assert waveform.dtype == torch.float32
        expected = label.float()[:, None, None].expand_as(waveform)
        assert torch.allclose(waveform, expected, rtol=0, atol=tolerance(name, epoch))
        batches.append(label.tolist())
    return batches


def tolerance(name: str, epoch: Epoch) -> float:
    """Half a step of int16 samples, and float32's rounding; nothing for the rest."""
    largest = float(epoch.windows.samples[epoch.windows.rows].max())
    return 0.51 * largest / 32767 if "int16" in RUNGS[name].store else 0.0


def feed_late(name: str, epoch: Epoch, lane: Any) -> list[list[int]]:
    """The same on the simulated accelerator, where batches are looked at when compute is."""
    seen: list[torch.Tensor] = []
    for waveform, label in open_feed(RUNGS[name], epoch, lane, Stopwatch()):
        lane.compute(
            lambda waveform=waveform, label=label: seen.append(
                torch.stack([waveform[:, 0, 5], label.float()])
            )
        )
    lane.finish_compute()
    near = tolerance(name, epoch)
    assert all(torch.allclose(waveform, label, rtol=0, atol=near) for waveform, label in seen)
    return [label.int().tolist() for _, label in seen]


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 70),
    batch_size=st.integers(1, 20),
    block_windows=st.integers(1, 10),
    buffer_blocks=st.integers(1, 4),
    depth=st.integers(2, 4),
    seed=st.integers(0, 3),
)
def test_all_rungs_feed_the_same_windows(make_epoch: MakeEpoch, **sizes: int) -> None:
    n = sizes.pop("n")
    epoch = make_epoch(windows=n, **sizes)
    fed = {name: feed_on_cpu(name, epoch) for name in IN_PROCESS}
    for batches in fed.values():
        assert sorted(label for batch in batches for label in batch) == list(range(n))
        assert all(len(batch) == sizes["batch_size"] for batch in batches[:-1])
    assert all(fed[name] == fed["A0"] for name in RANDOM)
    assert all(fed[name] == fed["A2"] for name in CONTIGUOUS)


def test_worker_processes_feed_the_batches_of_a0(make_epoch: MakeEpoch) -> None:
    epoch = make_epoch(windows=50, batch_size=8)
    assert feed_on_cpu("A0-workers", epoch) == feed_on_cpu("A0", epoch)


@pytest.mark.parametrize("name", IN_PROCESS)
def test_epochs_differ_and_seeds_repeat(make_epoch: MakeEpoch, name: str) -> None:
    first = feed_on_cpu(name, make_epoch(seed=1, epoch=0))
    assert first == feed_on_cpu(name, make_epoch(seed=1, epoch=0))
    another_epoch = feed_on_cpu(name, make_epoch(seed=1, epoch=1))
    assert (first != another_epoch) == (RUNGS[name].order != "preshuffled")
    assert first != feed_on_cpu(name, make_epoch(seed=2, epoch=0))


@pytest.mark.parametrize("name", IN_PROCESS)
def test_only_the_training_rows_are_fed(
    make_epoch: MakeEpoch, make_windows: Callable[..., Any], name: str
) -> None:
    rows = np.array([3, 4, 5, 9, 10, 30])
    fed = feed_on_cpu(name, make_epoch(windows=make_windows(40, rows), batch_size=4))
    assert sorted(fed[0] + fed[1]) == rows.tolist()


def test_the_control_repeats_one_batch(make_epoch: MakeEpoch) -> None:
    feed = open_feed(RUNGS["C0"], make_epoch(), HostLane(), Stopwatch())
    first = next(feed)
    for _ in range(20):
        assert next(feed) is first


@pytest.mark.parametrize("eager_compute", [False, True])
@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("name", RINGS)
def test_a_device_that_is_late_changes_nothing(
    make_epoch: MakeEpoch, late_lane: Any, name: str, depth: int, eager_compute: bool
) -> None:
    epoch = make_epoch(windows=59, batch_size=4, depth=depth)
    plain = "A1" if RUNGS[name].order == "random" else "A2"
    assert feed_late(name, epoch, late_lane(eager_compute)) == feed_on_cpu(plain, epoch)


@pytest.mark.parametrize("name", [r.name for r in LADDER if r.side_stream or r.filler])
def test_an_early_stop_leaves_no_copy_and_no_thread(
    make_epoch: MakeEpoch, late_lane: Any, name: str
) -> None:
    lane = late_lane()
    feed = open_feed(RUNGS[name], make_epoch(depth=4), lane, Stopwatch())
    next(feed)
    feed.close()
    assert lane.copies_on_their_way() == 0


@pytest.mark.parametrize("name", MAY_FAIL)
def test_an_error_while_gathering_reaches_the_training_loop(
    make_epoch: MakeEpoch, monkeypatch: pytest.MonkeyPatch, late_lane: Any, name: str
) -> None:
    module = batch_maker if name in RINGS else loaders
    function = "gather_natively" if RUNGS[name].gather == "native" else "gather_into"
    gather, calls = getattr(module, function), []

    def fail_at_the_third(*arguments: Any) -> None:
        calls.append(None)
        if len(calls) == 3:
            raise OSError("the map is gone")
        gather(*arguments)

    monkeypatch.setattr(module, function, fail_at_the_third)
    lanes: list[Lane] = [HostLane(), late_lane()]
    for lane in lanes:
        calls.clear()
        fed: list[Any] = []
        with pytest.raises(OSError, match="the map is gone"):
            fed.extend(open_feed(RUNGS[name], make_epoch(), lane, Stopwatch()))
        assert len(calls) == 3
        assert len(fed) == 2


@pytest.mark.parametrize("name", IN_PROCESS)
def test_a_row_that_is_not_there_is_named_before_anything_is_fed(
    make_epoch: MakeEpoch, make_windows: Callable[..., Any], name: str
) -> None:
    epoch = make_epoch(windows=make_windows(20, np.array([1, 2, 20])))
    with pytest.raises(IndexError, match="20"):
        next(open_feed(RUNGS[name], epoch, HostLane(), Stopwatch()))


def test_a_row_that_is_not_there_stops_the_native_gather_and_its_thread(
    make_epoch: MakeEpoch, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = BatchMaker.__init__

    def with_a_wrong_row(self: BatchMaker, *arguments: Any) -> None:
        make(self, *arguments)
        self.batches = (*self.batches[:2], self.batches[2] + 1000, *self.batches[3:])

    monkeypatch.setattr(BatchMaker, "__init__", with_a_wrong_row)
    fed: list[Any] = []
    with pytest.raises(IndexError, match="is not one of the source's 50"):
        fed.extend(open_feed(RUNGS["A6-gather"], make_epoch(), HostLane(), Stopwatch()))
    assert len(fed) == 2


def test_assembly_is_timed_wherever_it_happens(make_epoch: MakeEpoch) -> None:
    for name in IN_PROCESS:
        assembly = Stopwatch()
        list(open_feed(RUNGS[name], make_epoch(), HostLane(), assembly))
        mean_ms = assembly.mean_ms()
        assert mean_ms is not None
        assert mean_ms > 0
