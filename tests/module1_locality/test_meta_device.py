"""Every rung under the accelerator's lane on the meta device, with streams and events that count.

A convolution or a loss of which one tensor was left on the CPU fails there. It has no numbers: what
the batches hold is tested elsewhere (`test_feed.py`, on a device that copies as late as it may).
"""

from collections.abc import Callable
from itertools import count
from time import perf_counter
from typing import Any

import pytest
import torch

from module1_locality import lanes
from module1_locality.copies import resident_dataset
from module1_locality.epoch import Epoch
from module1_locality.lanes import AcceleratorLane
from module1_locality.measure import train_fragment
from module1_locality.rungs import LADDER, RUNGS, Rung
from module1_locality.training_step import TrainingStep
from module1_locality.training_windows import TrainingWindows

STEPS = 3


class CountingStream:
    """Stands for torch.Stream."""

    def __init__(self, device: Any = None) -> None:
        self.device = device

    def __enter__(self) -> "CountingStream":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def wait_event(self, event: object) -> None:
        return None


class ClockEvent:
    """Stands for torch.Event, on the host's clock."""

    def __init__(self, device: Any = None, enable_timing: bool = False) -> None:
        assert device.type == "meta"
        assert enable_timing

    def record(self, stream: object) -> None:
        self.at_s = perf_counter()

    def synchronize(self) -> None:
        return None

    def elapsed_time(self, later: "ClockEvent") -> float:
        return 1e3 * (later.at_s - self.at_s)


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes that page-locked memory was asked for."""
    asked: list[tuple[int, ...]] = []
    empty = torch.empty

    def noting(*size: Any, pin_memory: bool = False, **options: Any) -> torch.Tensor:
        if pin_memory:
            asked.append(tuple(size[0]))
        return empty(*size, **options)

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        asked.append(tuple(tensor.shape))
        return tensor

    monkeypatch.setattr(torch, "empty", noting)
    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    return asked


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch, pinned: list[tuple[int, ...]]) -> AcceleratorLane:
    monkeypatch.setattr(torch, "Stream", CountingStream)
    monkeypatch.setattr(torch, "Event", ClockEvent)
    monkeypatch.setattr(torch.accelerator, "current_stream", lambda _: CountingStream())
    monkeypatch.setattr(torch.accelerator, "current_device_index", lambda: 0)
    monkeypatch.setattr(lanes, "_BUSY_ROWS", 2)
    return AcceleratorLane(torch.device("meta"))


@pytest.mark.usefixtures("replayed")
@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.name)
def test_a_fragment_is_trained_on_the_device(
    rung: Rung,
    lane: AcceleratorLane,
    pinned: list[tuple[int, ...]],
    make_epoch: Callable[..., Epoch],
    learnable_windows: TrainingWindows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = count()
    monkeypatch.setattr(TrainingStep, "losses", lambda self: [next(steps) * 0.0])
    epoch = make_epoch(learnable_windows, batch_size=32, block_windows=16, buffer_blocks=4)
    fragment = train_fragment(rung, epoch, lane, warmup_steps=1, steps=STEPS)
    assert fragment.compute_ms is not None
    assert len(fragment.spans.compute) == STEPS
    copied = not rung.is_control and rung.store != "device"
    assert (fragment.copy_ms is not None) == copied
    assert (len(fragment.spans.copy) >= STEPS) == copied
    exposed_told = copied and not (rung.side_stream and not rung.ring)
    assert (fragment.exposed_copy_ms is not None) == exposed_told
    sample_bytes = 2 if "int16" in rung.store else 4
    ring = {(32 * (500 * sample_bytes + 8),)} if rung.ring else set()  # labels behind waveforms
    assert set(pinned) == ring | ({(32, 1, 500), (32,)} if rung.pinned_in_loop else set())


def test_a_tensor_that_stays_on_the_cpu_fails(lane: AcceleratorLane) -> None:
    train = TrainingStep(0, lane)
    label = torch.zeros(4, dtype=torch.int64)
    train((torch.empty(4, 1, 500, device="meta"), label.to("meta")))
    with pytest.raises(RuntimeError, match="meta"):
        train((torch.empty(4, 1, 500), label))


def test_the_resident_dataset_is_on_the_device(
    lane: AcceleratorLane, learnable_windows: TrainingWindows
) -> None:
    dataset = resident_dataset(learnable_windows, lane.device)
    assert dataset.samples.device.type == dataset.label.device.type == "meta"
    assert dataset.samples.shape == (600, 500)
    assert RUNGS["C1"].store == "device"
