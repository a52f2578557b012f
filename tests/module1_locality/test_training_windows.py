"""Only training patients' windows are trained on."""

import numpy as np

from crossscale_data import Source, load_windows
from crossscale_data.records import DS2, TRAIN, VALIDATION
from module1_locality.training_windows import load_training_windows


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
