"""Windows that say who they are, and a device that does everything as late as it may."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from pathlib import Path
from threading import RLock
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from crossscale_data.labels import CLASSES
from crossscale_data.packed_inputs import PackedInputs
from crossscale_data.rr_context import CONTEXT_FEATURES
from crossscale_results import Row
from module1_locality import conditions, training_step
from module1_locality.columns import LADDER_TABLE, LadderMeasurement, LadderRun
from module1_locality.epoch import Epoch
from module1_locality.lanes import Batch, HostBatch, Lane, Tensors, Timeline
from module1_locality.rungs import RUNGS
from module1_locality.shuffle_buffer import BlockShuffle
from module1_locality.training_windows import TrainingWindows

WINDOW_SAMPLES = 8


@dataclass
class Operation:
    """Something a stream has been asked to do."""

    run: Callable[[], object]
    after: "list[Operation]"
    done: bool = field(default=False)


class LateLane(Lane):
    """A simulated accelerator: two streams whose operations run only when somebody must wait.

    A missing guard therefore shows itself every time, not once in a thousand runs. With
    `eager_compute` compute runs as early as its dependencies as stated allow, so that one that was
    not stated shows too.
    """

    def __init__(self, eager_compute: bool = False) -> None:
        self.device = torch.device("cpu")
        self.has_accelerator = True
        self._eager_compute = eager_compute
        self._lock = RLock()
        self._copies: list[Operation] = []
        self._computes: list[Operation] = []
        self._compute_after: list[Operation] = []

    def staging(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.full(shape, 255 if dtype == torch.uint8 else -1, dtype=dtype)

    def resident(self, staging: Tensor) -> Tensor:
        return torch.full_like(staging, 254 if staging.dtype == torch.uint8 else -2)

    def copy_now(self, batch: HostBatch, non_blocking: bool = False) -> Batch:
        return batch[0].clone(), batch[1].clone()

    def pin(self, batch: HostBatch) -> HostBatch:
        return batch[0].clone(), batch[1].clone()

    def synchronised_copy_ms(self, batch: HostBatch) -> float | None:
        return 1.0

    def start_copy(self, source: Tensors, target: Tensors, after: Any) -> Operation:
        def copy() -> None:
            for staged, resident in zip(source, target, strict=True):
                resident.copy_(staged)

        with self._lock:
            needed = self._copies[-1:] + ([after] if after is not None else [])
            self._copies.append(Operation(copy, needed))
            return self._copies[-1]

    def compute_after(self, mark: Any) -> None:
        with self._lock:
            self._compute_after.append(mark)

    def compute(self, work: Callable[[], object]) -> Operation:
        """Ask the compute stream to do `work`."""
        with self._lock:
            operation = Operation(work, self._computes[-1:] + self._compute_after)
            self._compute_after = []
            self._computes.append(operation)
            if self._eager_compute:
                self.wait(operation)
            return operation

    def mark_compute(self) -> Operation:
        return self.compute(lambda: None)

    def wait(self, mark: Any) -> None:
        with self._lock:
            if mark is None or mark.done:
                return
            for needed in mark.after:
                self.wait(needed)
            mark.run()
            mark.done = True

    def finish_compute(self) -> None:
        """Do all that the compute stream was asked to do."""
        self.wait(self.mark_compute())

    def copies_on_their_way(self) -> int:
        """Copies that were started and have not ended."""
        return sum(not copy.done for copy in self._copies)

    def dawdle(self) -> None:
        sleep(1e-4)  # compute is late as it is; whoever runs in a thread gets his chance

    def time_compute(self) -> Any:
        return nullcontext()

    def timeline(self) -> Timeline:
        return Timeline([], [])

    def clear_times(self) -> None:
        return None


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Captured steps are run anew each time, as a graph would run them, on any device."""
    monkeypatch.setattr(conditions, "why_not_captured", lambda device: None)
    monkeypatch.setattr(training_step, "recorded", lambda work, device: work)


@pytest.fixture
def late_lane() -> type[LateLane]:
    """The simulated accelerator's class."""
    return LateLane


@pytest.fixture(scope="session")
def make_windows() -> Callable[..., TrainingWindows]:
    """Windows in which every sample of a window, and its label, is its row in the shard."""

    def make(shard_rows: int, rows: Any = None) -> TrainingWindows:
        row = np.arange(shard_rows)
        samples = np.repeat(row.astype(np.float32)[:, None], WINDOW_SAMPLES, axis=1)
        samples.flags.writeable = False
        label = row.astype(np.int64)
        return TrainingWindows(samples, label, row if rows is None else rows, record=row // 10)

    return make


@pytest.fixture(scope="session")
def make_epoch(make_windows: Callable[..., TrainingWindows]) -> Callable[..., Epoch]:
    """An epoch over such windows."""

    def make(
        windows: TrainingWindows | int = 50,
        batch_size: int = 8,
        seed: int = 0,
        epoch: int = 0,
        block_windows: int = 4,
        buffer_blocks: int = 3,
        depth: int = 2,
    ) -> Epoch:
        if isinstance(windows, int):
            windows = make_windows(windows)
        shuffle = BlockShuffle(block_windows, buffer_blocks, seed, epoch)
        return Epoch(windows, batch_size, shuffle, workers=2, depth=depth)

    return make


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """Fails the test if a filler thread outlives it, Python's or C++'s."""
    import threading

    yield
    assert [thread for thread in threading.enumerate() if thread.name == "filler"] == []
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    assert "filler" not in names


@pytest.fixture(scope="session")
def learnable_windows() -> TrainingWindows:
    """600 windows of 500 samples, whose two classes differ in amplitude."""
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, 600)
    wave = np.sin(np.linspace(0, 60, 500))[None] * (0.5 + 2.0 * label[:, None])
    samples = (wave + generator.normal(0, 0.1, (600, 500))).astype(np.float32)
    samples.flags.writeable = False
    return TrainingWindows(samples, label.astype(np.int64), np.arange(600))


@pytest.fixture(scope="session")
def easy_beats() -> Callable[..., PackedInputs]:
    """Beats that are easily told apart: S comes early with N's shape; V has another shape."""
    n, s, v = (CLASSES.index(name) for name in "NSV")

    def make(seed: int = 0, beats: int = 600) -> PackedInputs:
        rng = np.random.default_rng(seed)
        label = rng.choice([n, s, v], beats).astype(np.uint8)
        waveform = 0.1 * rng.standard_normal((beats, 2, 108))
        waveform += np.where(label == v, -1.0, 1.0)[:, None, None] * np.hanning(108)
        context = 0.1 * rng.standard_normal((beats, CONTEXT_FEATURES))
        context[:, 1] -= np.where(label == s, 2.0, 0.0)
        return PackedInputs(
            np.hstack([waveform.reshape(beats, -1), context]).astype(np.float32),
            label,
            np.full(beats, 101, np.int16),
            waveform_shape=(2, 108),
        )

    return make


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread of torch while the test runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def accelerators_row() -> Callable[..., Row]:
    """A rung's row of an accelerator that nobody measured."""

    def make(
        rung: str, batch_size: int, repeat: int, values: dict[str, Any], empty: dict[str, str]
    ) -> Row:
        """All columns are 1 but for those values, and the empty ones with their reasons."""
        kinds = {column.name: column.kind for column in LADDER_TABLE.columns}
        names = [field.name for field in fields(LadderMeasurement)]
        ones = {name: 1 if kinds[name] == "int" else 1.0 for name in names}
        measurement = LadderMeasurement(**ones | values | dict.fromkeys(empty))  # type: ignore[arg-type]
        run = LadderRun(rung, "cuda", RUNGS[rung].ring, batch_size, 0, 16, 16, 4, True, 2, 32)
        return Row(run, measurement, 0, repeat, empty)

    return make
