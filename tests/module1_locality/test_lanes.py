"""The lanes: the CPU's copies nothing; a real accelerator's, where there is one, keeps order."""

import resource
from collections.abc import Callable

import pytest
import torch

from module1_locality.epoch import Epoch
from module1_locality.feed import open_feed
from module1_locality.lanes import AcceleratorLane, HostLane, find_lane
from module1_locality.rungs import LADDER, Rung
from module1_locality.stopwatch import Stopwatch

needs_accelerator = pytest.mark.skipif(
    not isinstance(find_lane("auto"), AcceleratorLane), reason="no accelerator with streams"
)


def test_the_cpu_can_be_asked_for() -> None:
    lane = find_lane("cpu")
    assert isinstance(lane, HostLane)
    assert lane.device.type == "cpu"


def test_a_cuda_build_without_a_gpu_computes_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def named_but_absent(check_available: bool = False) -> torch.device | None:
        return None if check_available else torch.device("cuda")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", named_but_absent)
    assert isinstance(find_lane("auto"), HostLane)


def test_on_the_cpu_nothing_is_copied_and_nothing_timed_as_a_copy() -> None:
    lane = HostLane()
    batch = torch.zeros(2, 1, 3), torch.zeros(2, dtype=torch.int64)
    assert lane.copy_now(batch) is batch
    assert lane.resident(batch[0]) is batch[0]
    lane.start_copy(batch, batch, after=None)
    assert lane.timeline().copies == []
    assert lane.synchronised_copy_ms(batch) is None


def test_compute_is_timed_until_cleared() -> None:
    lane = HostLane()
    with lane.time_compute():
        sum(range(1000))
    ((start, end),) = lane.timeline().computes
    assert 0 < end - start < 1
    lane.clear_times()
    assert lane.timeline().computes == []


def test_staging_memory_is_there_from_the_start() -> None:
    HostLane().staging((64, 1, 500), torch.float32)  # what the process does for the first time
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    staging = HostLane().staging((4096, 1, 500), torch.float32)
    made = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    staging.fill_(1)
    filled = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert filled - made <= max(20, 0.1 * (made - before))


@needs_accelerator
@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.name)
def test_an_accelerator_is_fed_what_a_cpu_is(make_epoch: Callable[..., Epoch], rung: Rung) -> None:
    lane = find_lane("auto")
    epoch = make_epoch(windows=3000, batch_size=64, block_windows=32, depth=2)
    busy = torch.ones(2000, 2000, device=lane.device)
    lane.clear_times()
    fed, expected = [], []
    for (waveform, label), _ in zip(
        open_feed(rung, epoch, lane, Stopwatch()), range(20), strict=False
    ):
        with lane.time_compute():
            busy = (busy @ busy).clamp(0, 1)  # keeps compute behind the copies
            fed.append(torch.stack([waveform[:, 0, 3], label.float()]))
    for (waveform, label), _ in zip(
        open_feed(rung, epoch, HostLane(), Stopwatch()), range(20), strict=False
    ):
        expected.append(torch.stack([waveform[:, 0, 3], label.float()]))
    assert torch.equal(torch.cat(fed, dim=1).cpu(), torch.cat(expected, dim=1))
    if rung.store != "device":
        assert lane.timeline().copies
