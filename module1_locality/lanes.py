"""The way of a batch to the device that computes: staging memory, copies, and their order.

Three things run on their own: the host, compute on the device, and a side stream of copies. A
`Mark` is a point in compute or in the copies; nothing is in order but by waiting for marks. A lane
is the whole of what the feed knows of a device, so that its guards are tested without one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter, sleep
from typing import Any

import torch
from torch import Tensor

from module1_locality.gather import HostBatch
from module1_locality.stopwatch import Span, Stopwatch

Batch = tuple[Tensor, Tensor]  # waveform float32 [B, 1, L], label int64 [B], on the device
Tensors = tuple[Tensor, ...]
Mark = Any  # a lane's own; None is a point already reached
_DAWDLE_S = 2e-3
_BUSY_ROWS, _BUSY_TIMES = 2048, 20  # some milliseconds of a data-centre GPU


@dataclass(frozen=True)
class Timeline:
    """What ran when on the device, in order, on the host's clock."""

    copies: list[Span]
    computes: list[Span]


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
    def copy_now(self, batch: HostBatch, non_blocking: bool = False) -> Batch:
        """A copy of `batch` on the device, made before this returns, unless told not to wait."""

    @abstractmethod
    def pin(self, batch: HostBatch) -> HostBatch:
        """The batch in new page-locked memory."""

    @abstractmethod
    def synchronised_copy_ms(self, batch: HostBatch) -> float | None:
        """Time of one copy from beginning to end with the device idle; None if nothing is copied.

        From pageable memory events would mislead: the copy they stand around goes to a buffer of
        the driver first, by the host.
        """

    @abstractmethod
    def start_copy(self, source: Tensors, target: Tensors, after: Mark) -> Mark:
        """Copy on the side stream once `after` is reached; the mark is reached when all is done."""

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
    def compute(self, work: Callable[[], object]) -> Any:
        """Let the device do `work` after all that was to be computed before; the host goes on."""

    @abstractmethod
    def dawdle(self) -> None:
        """Keep compute busy for some milliseconds, so that it falls behind whoever feeds it."""

    @abstractmethod
    def time_compute(self) -> Any:
        """A context: what is computed in it is timed as one step."""

    @abstractmethod
    def timeline(self) -> Timeline:
        """The copies and timed computes since `clear_times`, which comes first. Only once idle."""

    @abstractmethod
    def clear_times(self) -> None:
        """Forget the times so far; may wait for the device."""


class HostLane(Lane):
    """The CPU: batches are computed on where they were made, and nothing is copied."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.has_accelerator = False
        self._compute = Stopwatch()

    def staging(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        # Written to, so that it is there from the start, as page-locked memory is.
        return torch.empty(shape, dtype=dtype).zero_()

    def resident(self, staging: Tensor) -> Tensor:
        return staging

    def copy_now(self, batch: HostBatch, non_blocking: bool = False) -> Batch:
        return batch

    def pin(self, batch: HostBatch) -> HostBatch:
        return batch

    def synchronised_copy_ms(self, batch: HostBatch) -> float | None:
        return None

    def start_copy(self, source: Tensors, target: Tensors, after: Mark) -> Mark:
        return None

    def compute_after(self, mark: Mark) -> None:
        return None

    def mark_compute(self) -> Mark:
        return None

    def wait(self, mark: Mark) -> None:
        return None

    def compute(self, work: Callable[[], object]) -> None:
        work()

    def dawdle(self) -> None:
        sleep(_DAWDLE_S)

    def time_compute(self) -> Any:
        return self._compute.lap()

    def timeline(self) -> Timeline:
        return Timeline([], self._compute.spans())

    def clear_times(self) -> None:
        self._compute.clear()


_Events = tuple[torch.Event, torch.Event]


class AcceleratorLane(Lane):
    """An accelerator with streams and events, through torch's device-agnostic interface.

    Nothing is made on the device before it is used: the process that starts others, each with a
    lane of its own, would else keep them off a device that takes one process at a time.
    """

    def __init__(self, device: torch.device) -> None:
        index = torch.accelerator.current_device_index()
        self.device = torch.device(device.type, index)
        self.has_accelerator = True
        self._copies: list[_Events] = []
        self._computes: list[_Events] = []
        self._origin: torch.Event  # since `clear_times`
        self._origin_s: float

    @cached_property
    def _copy_stream(self) -> torch.Stream:
        """One for all rungs and epochs."""
        return torch.Stream(device=self.device)

    @cached_property
    def _busy(self) -> Tensor:
        return torch.ones((_BUSY_ROWS, _BUSY_ROWS), device=self.device)

    def staging(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, dtype=dtype, pin_memory=True)

    def resident(self, staging: Tensor) -> Tensor:
        return torch.empty(staging.shape, dtype=staging.dtype, device=self.device)

    def copy_now(self, batch: HostBatch, non_blocking: bool = False) -> Batch:
        start = self._event()
        waveform, label = (part.to(self.device, non_blocking=non_blocking) for part in batch)
        self._copies.append((start, self._event()))
        return waveform, label

    def pin(self, batch: HostBatch) -> HostBatch:
        waveform, label = batch
        return waveform.pin_memory(), label.pin_memory()

    def synchronised_copy_ms(self, batch: HostBatch) -> float | None:
        self.wait(self.mark_compute())
        start = perf_counter()
        for part in batch:
            part.to(self.device)
        self.wait(self.mark_compute())
        return 1e3 * (perf_counter() - start)

    def start_copy(self, source: Tensors, target: Tensors, after: Mark) -> Mark:
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

    def compute(self, work: Callable[[], object]) -> None:
        work()

    def dawdle(self) -> None:
        for _ in range(_BUSY_TIMES):
            self._busy = (self._busy @ self._busy).clamp_(0, 1)

    @contextmanager
    def time_compute(self) -> Iterator[None]:
        start = self._event()
        yield
        self._computes.append((start, self._event()))

    def timeline(self) -> Timeline:
        return Timeline(
            [self._span(events) for events in self._copies],
            [self._span(events) for events in self._computes],
        )

    def clear_times(self) -> None:
        self._copies, self._computes = [], []
        self._origin = self._event()
        self._origin.synchronize()
        self._origin_s = perf_counter()

    def _span(self, events: _Events) -> Span:
        """On the host's clock: as long after the origin as the device says."""
        start, end = (self._origin_s + self._origin.elapsed_time(event) / 1e3 for event in events)
        return start, end

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
