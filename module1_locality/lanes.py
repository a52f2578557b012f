"""The way of a batch to the device that computes: staging memory, copies, and their order.

Three things run on their own: the host, compute on the device, and a side stream of copies. A
`Mark` is a point in compute or in the copies; nothing is in order but by waiting for marks. A lane
is the whole of what the feed knows of a device, so that its guards are tested without one.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from module1_locality.loaders import HostBatch
from module1_locality.stopwatch import Stopwatch

Batch = tuple[Tensor, Tensor]  # waveform float32 [B, 1, L], label int64 [B], on the device
Mark = Any  # a lane's own; None is a point already reached


class Lane(ABC):
    """Where batches are computed on, and how they get there."""

    device: torch.device
    has_accelerator: bool

    @abstractmethod
    def staging(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Host memory that batches are made in, page-locked where there are copies."""

    @abstractmethod
    def resident(self, staging: Tensor) -> Tensor:
        """Device memory for what `staging` holds; `staging` itself where nothing is copied."""

    @abstractmethod
    def copy_now(self, batch: HostBatch) -> Batch:
        """A copy of `batch` on the device, made before this returns."""

    @abstractmethod
    def start_copy(self, source: HostBatch, target: Batch, after: Mark) -> Mark:
        """Copy on the side stream once `after` is reached; the mark is reached when it is done."""

    @abstractmethod
    def compute_after(self, mark: Mark) -> None:
        """Whatever is computed from now on begins after `mark`; the host goes on."""

    @abstractmethod
    def mark_compute(self) -> Mark:
        """Reached when all that was computed so far is done."""

    @abstractmethod
    def wait(self, mark: Mark) -> None:
        """Hold up the calling thread until `mark` is reached."""

    @abstractmethod
    def time_compute(self) -> Any:
        """A context: what is computed in it is timed as one step."""

    @abstractmethod
    def mean_copy_ms(self) -> float | None:
        """Mean time of a copy since `clear_times`; None if there was none. Only once idle."""

    @abstractmethod
    def mean_compute_ms(self) -> float | None:
        """Mean of `time_compute` since `clear_times`. Only once idle."""

    @abstractmethod
    def clear_times(self) -> None:
        """Forget the times so far."""


class HostLane(Lane):
    """The CPU: batches are computed on where they were made, and nothing is copied."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.has_accelerator = False
        self._compute = Stopwatch()

    def staging(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, dtype=dtype)

    def resident(self, staging: Tensor) -> Tensor:
        return staging

    def copy_now(self, batch: HostBatch) -> Batch:
        return batch

    def start_copy(self, source: HostBatch, target: Batch, after: Mark) -> Mark:
        return None

    def compute_after(self, mark: Mark) -> None:
        return None

    def mark_compute(self) -> Mark:
        return None

    def wait(self, mark: Mark) -> None:
        return None

    def time_compute(self) -> Any:
        return self._compute.lap()

    def mean_copy_ms(self) -> float | None:
        return None

    def mean_compute_ms(self) -> float | None:
        return self._compute.mean_ms()

    def clear_times(self) -> None:
        self._compute.clear()


class AcceleratorLane(Lane):
    """An accelerator with streams and events, through torch's device-agnostic interface."""

    def __init__(self, device: torch.device) -> None:
        index = torch.accelerator.current_device_index()
        self.device = torch.device(device.type, index)
        self.has_accelerator = True
        self._copy_stream = torch.Stream(device=self.device)
        self._copies: list[tuple[torch.Event, torch.Event]] = []
        self._computes: list[tuple[torch.Event, torch.Event]] = []

    def staging(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, dtype=dtype, pin_memory=True)

    def resident(self, staging: Tensor) -> Tensor:
        return torch.empty(staging.shape, dtype=staging.dtype, device=self.device)

    def copy_now(self, batch: HostBatch) -> Batch:
        start = self._event()
        waveform, label = (part.to(self.device) for part in batch)
        self._copies.append((start, self._event()))
        return waveform, label

    def start_copy(self, source: HostBatch, target: Batch, after: Mark) -> Mark:
        with self._copy_stream:
            if after is not None:
                self._copy_stream.wait_event(after)
            start = self._event()
            for staged, resident in zip(source, target, strict=True):
                resident.copy_(staged, non_blocking=True)
            done = self._event()
        self._copies.append((start, done))
        return done

    def compute_after(self, mark: Mark) -> None:
        if mark is not None:
            torch.accelerator.current_stream(self.device).wait_event(mark)

    def mark_compute(self) -> Mark:
        return self._event()

    def wait(self, mark: Mark) -> None:
        if mark is not None:
            mark.synchronize()

    @contextmanager
    def time_compute(self) -> Iterator[None]:
        start = self._event()
        yield
        self._computes.append((start, self._event()))

    def mean_copy_ms(self) -> float | None:
        return _mean_ms(self._copies)

    def mean_compute_ms(self) -> float | None:
        return _mean_ms(self._computes)

    def clear_times(self) -> None:
        self._copies, self._computes = [], []

    def _event(self) -> torch.Event:
        """An event recorded on the current stream."""
        event = torch.Event(device=self.device, enable_timing=True)
        event.record(torch.accelerator.current_stream(self.device))
        return event


def find_lane(device: str) -> Lane:
    """The accelerator's lane for `auto` where one with streams is there, else the CPU's."""
    # check_available: a CUDA build of torch names an accelerator also where none is plugged in.
    found = torch.accelerator.current_accelerator(check_available=True)
    if device == "auto" and found is not None and found.type in ("cuda", "xpu"):
        return AcceleratorLane(found)
    return HostLane()


def _mean_ms(spans: list[tuple[torch.Event, torch.Event]]) -> float | None:
    return sum(a.elapsed_time(b) for a, b in spans) / len(spans) if spans else None
