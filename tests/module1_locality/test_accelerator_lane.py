"""What the accelerator's lane asks of torch, with streams and events that only take notes."""

from time import perf_counter
from typing import Any

import pytest
import torch

from module1_locality import lanes
from module1_locality.lanes import AcceleratorLane

NOTES: list[str] = []


class NotingStream:
    """Stands for torch.Stream: notes what it is told to wait for."""

    current: "NotingStream"

    def __init__(self, device: Any = None, name: str = "copies") -> None:
        self.name = name

    def __enter__(self) -> "NotingStream":
        self._before, NotingStream.current = NotingStream.current, self
        return self

    def __exit__(self, *_: object) -> None:
        NotingStream.current = self._before

    def wait_event(self, event: "NotingEvent") -> None:
        NOTES.append(f"{self.name} waits for {event.name}")


class NotingEvent:
    """Stands for torch.Event: notes where it was recorded; one every half a millisecond."""

    def __init__(self, device: Any = None, enable_timing: bool = False) -> None:
        self.name = "?"
        assert enable_timing

    def record(self, stream: NotingStream) -> None:
        self.number = sum(note.endswith("recorded") for note in NOTES)
        self.name = f"event {self.number}"
        NOTES.append(f"{self.name} on {stream.name} recorded")

    def synchronize(self) -> None:
        NOTES.append(f"host waits for {self.name}")

    def elapsed_time(self, later: "NotingEvent") -> float:
        return 0.5 * (later.number - self.number)


class NotingTensor(torch.Tensor):
    """Stands for device memory: notes copies into it."""

    def copy_(self, source: torch.Tensor, non_blocking: bool = False) -> Any:
        NOTES.append(f"copy on {NotingStream.current.name}, non_blocking={non_blocking}")
        return super().copy_(source)


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> AcceleratorLane:
    NOTES.clear()
    NotingStream.current = NotingStream(name="compute")
    monkeypatch.setattr(torch, "Stream", NotingStream)
    monkeypatch.setattr(torch, "Event", NotingEvent)
    monkeypatch.setattr(torch.accelerator, "current_stream", lambda _: NotingStream.current)
    monkeypatch.setattr(torch.accelerator, "current_device_index", lambda: 0)
    monkeypatch.setattr(lanes, "_BUSY_ROWS", 2)
    lane = AcceleratorLane(torch.device("cpu"))
    NOTES.clear()
    return lane


def test_a_lane_that_is_not_used_makes_nothing_on_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def made(*_: Any, **__: Any) -> None:
        raise AssertionError("made on the device")

    monkeypatch.setattr(torch.accelerator, "current_device_index", lambda: 0)
    for name in ("Stream", "Event", "ones"):
        monkeypatch.setattr(torch, name, made)
    assert AcceleratorLane(torch.device("cuda")).has_accelerator


def test_a_copy_waits_on_its_stream_for_compute_and_is_marked_there(lane: AcceleratorLane) -> None:
    computed = lane.mark_compute()
    source = torch.ones(2, 1, 3), torch.ones(2, dtype=torch.int64)
    target = tuple(torch.zeros_like(part).as_subclass(NotingTensor) for part in source)
    copied = lane.start_copy(source, target, after=computed)  # type: ignore[arg-type]
    lane.compute_after(copied)
    lane.wait(copied)
    assert NOTES == [
        "event 0 on compute recorded",
        "copies waits for event 0",
        "event 1 on copies recorded",
        "copy on copies, non_blocking=True",
        "copy on copies, non_blocking=True",
        "event 2 on copies recorded",
        "compute waits for event 2",
        "host waits for event 2",
    ]
    assert torch.equal(target[0].as_subclass(torch.Tensor), source[0])


def test_points_already_reached_are_not_waited_for(lane: AcceleratorLane) -> None:
    lane.wait(None)
    lane.compute_after(None)
    assert NOTES == []


def test_copies_and_compute_are_timed_by_events_from_an_origin(lane: AcceleratorLane) -> None:
    lane.clear_times()
    assert NOTES == ["event 0 on compute recorded", "host waits for event 0"]
    with lane.time_compute():
        pass
    lane.copy_now((torch.ones(1, 1, 1), torch.ones(1, dtype=torch.int64)))
    timeline = lane.timeline()
    (compute,), (copy,) = timeline.computes, timeline.copies
    assert compute[1] - compute[0] == pytest.approx(0.5e-3)
    assert copy[0] - compute[0] == pytest.approx(1e-3)
    assert abs(perf_counter() - compute[0]) < 60  # on the host's clock
    lane.clear_times()
    assert lane.timeline().copies == lane.timeline().computes == []
    assert sum("waits" in note for note in NOTES) == 2  # for the origins, and for nothing else


def test_a_copy_from_pageable_memory_is_timed_with_the_device_idle(lane: AcceleratorLane) -> None:
    copy_ms = lane.synchronised_copy_ms((torch.ones(4, 1, 5), torch.ones(4, dtype=torch.int64)))
    assert copy_ms is not None
    assert copy_ms > 0
    assert [note for note in NOTES if "waits" in note] == [
        "host waits for event 0",
        "host waits for event 1",
    ]


def test_compute_is_kept_busy_without_waiting_for_it(lane: AcceleratorLane) -> None:
    lane.dawdle()
    done: list[int] = []
    lane.compute(lambda: done.append(1))
    assert done == [1]
    assert NOTES == []


def test_resident_memory_is_on_the_device_and_new(lane: AcceleratorLane) -> None:
    staging = torch.ones(4, 1, 5)
    resident = lane.resident(staging)
    assert resident.shape == staging.shape
    assert resident.dtype == staging.dtype
    assert resident.data_ptr() != staging.data_ptr()
