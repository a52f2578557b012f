"""The shuffle buffer reads the shard in runs, and serves each window once with its label."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from module1_locality.shuffle_buffer import BlockShuffle, ShuffleBuffer
from module1_locality.training_windows import TrainingWindows


class Recorded:
    """An array that notes what is read of it."""

    def __init__(self, array: np.ndarray) -> None:
        self.shape = array.shape
        self.reads: list[Any] = []
        self._array = array

    def __getitem__(self, part: Any) -> np.ndarray:
        self.reads.append(part)
        return self._array[part]


def serve(buffer: ShuffleBuffer, batch_size: int, window_samples: int) -> list[tuple[Any, Any]]:
    """All the buffer's batches."""
    batches = []
    while True:
        waveform = torch.full((batch_size, 1, window_samples), torch.nan)
        label = torch.full((batch_size,), -1)
        count = buffer.take_into((waveform, label))
        if count == 0:
            return batches
        batches.append((waveform[:count], label[:count]))


@given(
    n=st.integers(0, 120),
    batch_size=st.integers(1, 40),
    block_windows=st.integers(1, 20),
    buffer_blocks=st.integers(1, 5),
)
def test_every_window_comes_once_with_its_label(
    make_windows: Callable[..., TrainingWindows],
    n: int,
    batch_size: int,
    block_windows: int,
    buffer_blocks: int,
) -> None:
    windows = make_windows(n)
    shuffle = BlockShuffle(block_windows, buffer_blocks, 0, 0)
    batches = serve(ShuffleBuffer(windows, shuffle), batch_size, 8)
    served = [int(row) for _, label in batches for row in label]
    assert sorted(served) == list(range(n))
    assert all(torch.equal(w[:, 0, 3], label.float()) for w, label in batches)
    assert [len(label) for _, label in batches[:-1]] == [batch_size] * (len(batches) - 1)


@given(
    rows=st.sets(st.integers(0, 199), min_size=1).map(lambda s: np.array(sorted(s))),
    block_windows=st.integers(1, 20),
)
def test_the_shard_is_read_in_few_runs(
    make_windows: Callable[..., TrainingWindows], rows: np.ndarray, block_windows: int
) -> None:
    windows = make_windows(200, rows)
    recorded = Recorded(windows.samples)
    watched = TrainingWindows(recorded, windows.label, rows)  # type: ignore[arg-type]
    buffer = ShuffleBuffer(watched, BlockShuffle(block_windows, 3, 0, 0))
    serve(buffer, 16, 8)
    assert all(isinstance(read, slice) and read.step is None for read in recorded.reads)
    gaps = int((np.diff(rows) != 1).sum())
    assert len(recorded.reads) == buffer.runs_read <= len(rows) // block_windows + gaps + 1


def test_neighbours_in_the_shard_are_mixed_in_the_buffer(
    make_windows: Callable[..., TrainingWindows],
) -> None:
    buffer = ShuffleBuffer(make_windows(128), BlockShuffle(16, 4, 0, 0))
    labels = torch.cat([label for _, label in serve(buffer, 8, 8)])
    assert (labels.diff() == 1).float().mean() < 0.1
    assert len(labels[:64].div(16, rounding_mode="floor").unique()) == 4  # four blocks together
