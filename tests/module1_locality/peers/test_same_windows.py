"""A contestant that delivers other windows is found out, whatever is wrong with them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from module1_locality.gather import HostBatch
from module1_locality.peers.same_windows import fingerprints, fingerprints_of, why_refused
from module1_locality.training_windows import TrainingWindows


@pytest.fixture
def windows(learnable_windows: TrainingWindows) -> TrainingWindows:
    return TrainingWindows(learnable_windows.samples, learnable_windows.label, np.arange(0, 600, 2))


def batches_of(windows: TrainingWindows, rows: object, size: int = 32) -> list[HostBatch]:
    index = np.asarray(rows)
    return [
        (
            torch.from_numpy(windows.samples[part]).unsqueeze(1),
            torch.from_numpy(windows.label[part]),
        )
        for part in np.array_split(index, -(-len(index) // size))
    ]


def refused(windows: TrainingWindows, batches: list[HostBatch]) -> str | None:
    return why_refused(batches, fingerprints_of(windows), 32)


def test_every_order_of_the_windows_is_accepted(windows: TrainingWindows) -> None:
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(windows.rows)
        assert refused(windows, batches_of(windows, order)) is None


def test_a_window_twice_and_another_never_is_refused(windows: TrainingWindows) -> None:
    rows = windows.rows.copy()
    rows[7] = rows[8]
    assert "other windows" in str(refused(windows, batches_of(windows, rows)))


def test_a_window_too_few_or_too_many_is_refused(windows: TrainingWindows) -> None:
    assert "299 windows instead of 300" in str(
        refused(windows, batches_of(windows, windows.rows[1:]))
    )
    assert "301 windows" in str(refused(windows, batches_of(windows, [1, *windows.rows])))


def changed_sample(waveform: torch.Tensor, label: torch.Tensor) -> HostBatch:
    waveform[3, 0, 4] += 1e-6
    return waveform, label


def swapped_samples(waveform: torch.Tensor, label: torch.Tensor) -> HostBatch:
    return waveform.flip(2).contiguous(), label


def swapped_labels(waveform: torch.Tensor, label: torch.Tensor) -> HostBatch:
    return waveform, 1 - label


def as_float64(waveform: torch.Tensor, label: torch.Tensor) -> HostBatch:
    return waveform.double(), label


def without_channel(waveform: torch.Tensor, label: torch.Tensor) -> HostBatch:
    return waveform.squeeze(1), label


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (changed_sample, "other windows"),
        (swapped_samples, "other windows"),
        (swapped_labels, "other windows"),
        (as_float64, "float64"),
        (without_channel, "shape"),
    ],
)
def test_a_batch_that_is_not_as_it_should_be_is_refused(
    windows: TrainingWindows, spoil: Callable[..., HostBatch], said: str
) -> None:
    batches = batches_of(windows, windows.rows)
    batches[0] = spoil(*(part.clone() for part in batches[0]))
    assert said in str(refused(windows, batches))


def test_nothing_at_all_is_refused(windows: TrainingWindows) -> None:
    assert "0 windows" in str(refused(windows, []))


def test_fingerprints_tell_windows_and_labels_apart(windows: TrainingWindows) -> None:
    found = fingerprints(windows.samples, windows.label)
    assert len(np.unique(found)) == len(windows.samples)
    assert not (found == fingerprints(windows.samples, windows.label + 1)).any()
