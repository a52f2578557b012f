"""Confusions by group of beats, and the rows made of them."""

import numpy as np

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.labels import CLASSES
from crossscale_data.records import DS2
from crossscale_results.table import Table
from module1_locality.classifier_rows import UNDEFINED, classifier_rows, confusions
from module1_locality.columns import CLASSIFIER_TABLE
from module1_locality.train_config import Train, Variant

VARIANT = Variant("beatnet", "causal")


def beats(record: list[int], label: list[int]) -> BeatInputs:
    count = len(label)
    return BeatInputs(
        np.zeros((count, 2, 4), np.float32),
        np.zeros((count, 20), np.float32),
        np.array(label, np.uint8),
        np.array(record, np.int16),
    )


def test_ds2_is_counted_whole_without_the_shared_subject_and_by_record() -> None:
    found = confusions(beats([100, 100, 202, 232], [0, 2, 1, 1]), np.array([0, 0, 1, 0]))
    assert list(found) == ["DS2", "DS2-disjoint", "record 100", "record 202", "record 232"]
    assert found["DS2"].sum() == 4
    assert found["DS2-disjoint"].sum() == 3
    assert found["record 202"][1, 1] == 1
    assert found["record 100"][2, 0] == 1
    parts = sum(found[f"record {record}"] for record in (100, 202, 232))
    np.testing.assert_array_equal(parts, found["DS2"])


def test_records_of_ds1_are_counted_as_ds1() -> None:
    found = confusions(beats([101, 201], [0, 0]), np.array([0, 1]))
    assert list(found) == ["DS1", "record 101", "record 201"]


def test_a_row_says_what_was_scored_and_leaves_undefined_scores_empty() -> None:
    found = confusions(beats([232, 232, 232], [0, 1, 1]), np.array([0, 1, 0]))
    rows = classifier_rows(found, Train(), VARIANT, seed=4, parameters_count=9, training_s=1.5)
    row = rows[-1]
    assert (row.config.scored_on, row.seed) == ("record 232", 4)
    assert (row.config.model, row.config.rr_reference) == ("beatnet", "causal")
    assert row.measurement.s_sensitivity == 0.5
    assert row.measurement.s_precision == 1.0
    assert row.measurement.s_as_n_count == 1
    assert row.measurement.n_as_s_count == 0
    assert row.measurement.v_f1 is None
    assert row.not_measured["v_f1"] == UNDEFINED
    assert "s_f1" not in row.not_measured


def test_every_pair_of_classes_has_its_count_column() -> None:
    table: Table = CLASSIFIER_TABLE
    expected = {f"{a}_as_{b}_count".lower() for a in CLASSES for b in CLASSES}
    assert expected <= set(table.header)
    assert 232 in DS2
