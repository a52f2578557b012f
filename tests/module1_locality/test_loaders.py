"""The DataLoader rungs: A1 really gathers a batch at a time, in the order of A0."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from module1_locality.loaders import BatchByBatch, batch_loader, window_loader
from module1_locality.orders import global_shuffle
from module1_locality.training_windows import TrainingWindows


def batches_of(rows: np.ndarray, batch_size: int) -> tuple[Tensor, ...]:
    return torch.from_numpy(rows).split(batch_size)


def test_a1_gathers_whole_batches_and_no_single_window(
    make_windows: Callable[..., TrainingWindows], monkeypatch: pytest.MonkeyPatch
) -> None:
    gathers: list[int] = []
    gather = BatchByBatch.__getitems__

    def counted(self: BatchByBatch, rows: Tensor) -> object:
        gathers.append(len(rows))
        return gather(self, rows)

    def refused(self: BatchByBatch, row: int) -> object:
        raise AssertionError("a window was fetched by itself")

    monkeypatch.setattr(BatchByBatch, "__getitems__", counted)
    monkeypatch.setattr(BatchByBatch, "__getitem__", refused)
    windows = make_windows(20)
    labels = [label for _, label in batch_loader(windows, batches_of(windows.rows, 8))]
    assert gathers == [8, 8, 4]
    assert torch.cat(labels).tolist() == list(range(20))


def test_a0_and_a1_give_the_same_batches(make_windows: Callable[..., TrainingWindows]) -> None:
    windows = make_windows(45)
    order = global_shuffle(windows.rows, seed=1, epoch=2)
    one_by_one = list(window_loader(windows, batches_of(order, 7), workers=0))
    gathered = list(batch_loader(windows, batches_of(order, 7)))
    assert len(one_by_one) == len(gathered) == 7
    for (waveform, label), (same_waveform, same_label) in zip(one_by_one, gathered, strict=True):
        assert torch.equal(waveform, same_waveform)
        assert torch.equal(label, same_label)
        assert waveform.dtype == torch.float32
        assert label.dtype == torch.int64


def test_batches_may_be_written_to(make_windows: Callable[..., TrainingWindows]) -> None:
    windows = make_windows(4)
    for batches in (
        window_loader(windows, batches_of(windows.rows, 4), 0),
        batch_loader(windows, batches_of(windows.rows, 4)),
    ):
        waveform, _ = next(batches)
        waveform.zero_()  # a view of the read-only shard would end the process here
    assert windows.samples[3, 0] == 3
