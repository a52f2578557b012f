"""Only training patients' windows are trained on."""

from pathlib import Path

import numpy as np
import pytest

from crossscale_data import DataError, Source, load_windows
from crossscale_data.records import DS2, TRAIN, VALIDATION
from module1_locality.training_windows import (
    ShardFile,
    TrainingWindows,
    check_unchanged,
    load_training_windows,
    touch,
)


def test_rows_are_those_of_the_training_patients(short_synthetic: Source) -> None:
    windows = load_training_windows(short_synthetic)
    records = load_windows(short_synthetic).record
    assert set(records[windows.rows].tolist()) == set(TRAIN)
    assert not set(records[windows.rows].tolist()) & {*VALIDATION, *DS2}
    assert len(windows) == int(np.isin(records, TRAIN).sum())


def test_samples_stay_in_the_map_and_labels_are_the_shards(short_synthetic: Source) -> None:
    shard = load_windows(short_synthetic)
    windows = load_training_windows(short_synthetic)
    assert not windows.samples.flags.owndata
    assert not windows.samples.flags.writeable
    assert windows.label.dtype == np.int64
    assert (windows.label == shard.label).all()


def test_a_file_of_another_size_is_refused_and_a_removed_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "windows.shard"
    path.write_bytes(bytes(100))
    windows = TrainingWindows(
        np.zeros((1, 4), np.float32),
        np.zeros(1, np.int64),
        np.arange(1),
        file=ShardFile(path, 100),
    )
    check_unchanged(windows)
    path.write_bytes(bytes(60))
    with pytest.raises(DataError, match="held 100 bytes and holds 60 now"):
        check_unchanged(windows)
    path.unlink()
    check_unchanged(windows)


def test_large_but_finite_samples_are_taken() -> None:
    samples = np.full((3, 4), 3e38, np.float32)  # their sum is infinite
    touch(TrainingWindows(samples, np.zeros(3, np.int64), np.arange(3)))
    samples[2, 1] = np.nan
    with pytest.raises(DataError, match="row 2 has nan at sample 1"):
        touch(TrainingWindows(samples, np.zeros(3, np.int64), np.arange(3)))
    touch(TrainingWindows(samples, np.zeros(3, np.int64), np.arange(2)))  # not trained on
