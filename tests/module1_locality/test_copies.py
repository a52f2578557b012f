"""Copies that rungs read instead of the shard: the same windows, and how exact."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossscale_data import Source
from crossscale_data.errors import DataError
from module1_locality.copies import copy_for, resident_dataset
from module1_locality.epoch import Epoch
from module1_locality.huge_pages import why_no_huge_pages
from module1_locality.orders import preshuffled
from module1_locality.rungs import RUNGS
from module1_locality.shuffle_buffer import BlockShuffle
from module1_locality.training_windows import TrainingWindows, load_training_windows

MakeEpoch = Callable[..., Epoch]
COPIED = ["A2-preshuffled", "A6-int16", "A6-hugepages", "A6-both"]
ROWS = np.array([3, 4, 5, 9, 10, 30])


@pytest.fixture(autouse=True)
def huge_pages_only_where_there_are_some(request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params.get("name") if hasattr(request.node, "callspec") else None
    if name in ("A6-hugepages", "A6-both") and (reason := why_no_huge_pages()):
        pytest.skip(reason)


@pytest.mark.parametrize("name", COPIED)
def test_a_copy_holds_the_training_rows_alone(
    make_epoch: MakeEpoch, make_windows: Callable[..., TrainingWindows], name: str
) -> None:
    copy = copy_for(RUNGS[name], make_epoch(windows=make_windows(40, ROWS)))
    assert copy is not None
    assert sorted(copy.windows.label) == ROWS.tolist()
    assert copy.windows.label[copy.place[ROWS]].tolist() == ROWS.tolist()
    assert copy.windows.record is not None
    assert copy.windows.record[copy.place[ROWS]].tolist() == (ROWS // 10).tolist()
    samples = copy.windows.samples[copy.place[ROWS]] * np.float32(copy.step_mv or 1)
    assert np.abs(samples[:, 3] - ROWS).max() <= copy.error_mv <= 0.51 * 30 / 32767


@pytest.mark.parametrize("name", ["A0", "A2", "A5", "A6-gather", "C0", "C1"])
def test_other_rungs_read_the_shard(make_epoch: MakeEpoch, name: str) -> None:
    assert copy_for(RUNGS[name], make_epoch()) is None


@pytest.mark.parametrize("name", COPIED)
def test_a_copy_is_made_once(make_epoch: MakeEpoch, name: str) -> None:
    epoch = make_epoch()
    assert copy_for(RUNGS[name], epoch) is copy_for(RUNGS[name], epoch)


def test_a_preshuffled_copy_lies_in_its_seeds_order(make_epoch: MakeEpoch) -> None:
    epoch = make_epoch(seed=3)
    copy = copy_for(RUNGS["A2-preshuffled"], epoch)
    assert copy is not None
    assert copy.windows.label.tolist() == preshuffled(epoch.windows.rows, 3).tolist()
    other = copy_for(
        RUNGS["A2-preshuffled"], Epoch(epoch.windows, 8, BlockShuffle(4, 3, 4, 0), 2, 2)
    )
    assert other is not None
    assert other.windows.label.tolist() != copy.windows.label.tolist()


@pytest.mark.parametrize("name", ["A2-preshuffled", "A6-int16"])
def test_a_copy_is_mapped_as_the_shard_is_and_leaves_no_file(
    make_epoch: MakeEpoch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    copy = copy_for(RUNGS[name], make_epoch())
    assert copy is not None
    assert list(tmp_path.iterdir()) == []
    assert not copy.windows.samples.flags.writeable
    if Path("/proc/self/maps").is_file():
        assert str(tmp_path) in Path("/proc/self/maps").read_text()


@given(microvolts=st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=50))
def test_int16_is_off_by_half_a_step_at_most(microvolts: list[int]) -> None:
    array = (np.array(microvolts, np.float32) / 1000)[:, None].repeat(3, axis=1)
    windows = TrainingWindows(array, np.zeros(len(array), np.int64), np.arange(len(array)))
    copy = copy_for(RUNGS["A6-int16"], Epoch(windows, 2, BlockShuffle(4, 3, 0, 0), 2, 2))
    assert copy is not None
    assert copy.step_mv is not None
    assert copy.windows.samples.dtype == np.int16
    back = copy.windows.samples * np.float32(copy.step_mv)
    assert np.abs(back - array).max() == pytest.approx(copy.error_mv)
    assert copy.error_mv <= 0.51 * copy.step_mv


def test_int16_is_finer_than_the_recorder(mitdb: Source) -> None:
    epoch = Epoch(load_training_windows(mitdb), 64, BlockShuffle(128, 8, 0, 0), 2, 4)
    copy = copy_for(RUNGS["A6-int16"], epoch)
    assert copy is not None
    recorders_step_mv = 10 / 2048  # 11 bits over 10 mV
    assert copy.error_mv < recorders_step_mv / 20


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_sample_that_is_no_number_is_refused(
    learnable_windows: TrainingWindows, wrong: float
) -> None:
    samples = learnable_windows.samples.copy()
    samples[70, 30] = wrong
    windows = TrainingWindows(samples, learnable_windows.label, learnable_windows.rows)
    with pytest.raises(DataError, match="not finite"):
        copy_for(RUNGS["A6-int16"], Epoch(windows, 64, BlockShuffle(128, 8, 0, 0), 2, 4))


def test_the_resident_dataset_is_the_training_rows(
    make_windows: Callable[..., TrainingWindows],
) -> None:
    windows = make_windows(40, ROWS)
    dataset = resident_dataset(windows, torch.device("cpu"))
    assert dataset.label.tolist() == ROWS.tolist()
    assert dataset.samples[dataset.place[9], 2] == 9
    assert resident_dataset(windows, torch.device("cpu")) is dataset


def test_a_full_disk_is_told(make_epoch: MakeEpoch, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        copy_for(RUNGS["A6-int16"], make_epoch())
