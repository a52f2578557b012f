"""Confusions by group of beats, and the rows made of them."""

import numpy as np

from crossscale_data.labels import CLASSES
from crossscale_data.records import DS2
from crossscale_results.table import Table
from module1_locality.classifier_columns import CLASSIFIER_TABLE
from module1_locality.classifier_rows import (
    UNDEFINED,
    Confusion,
    Trained,
    classifier_rows,
    confusions,
)
from module1_locality.train_config import Feeding, Train, Variant

VARIANT = Variant("beatnet", "causal")


def found_in(record: list[int], label: list[int], called: list[int]) -> dict[str, Confusion]:
    return confusions(np.array(label, np.uint8), np.array(record, np.int16), np.array(called))


def test_ds2_is_counted_whole_without_the_shared_subject_and_by_record() -> None:
    found = found_in([100, 100, 202, 232], [0, 2, 1, 1], [0, 0, 1, 0])
    assert list(found) == ["DS2", "DS2-disjoint", "record 100", "record 202", "record 232"]
    assert found["DS2"].sum() == 4
    assert found["DS2-disjoint"].sum() == 3
    assert found["record 202"][1, 1] == 1
    assert found["record 100"][2, 0] == 1
    parts = sum(found[f"record {record}"] for record in (100, 202, 232))
    np.testing.assert_array_equal(parts, found["DS2"])


def test_records_of_ds1_are_counted_as_ds1() -> None:
    found = found_in([101, 201], [0, 0], [0, 1])
    assert list(found) == ["DS1", "record 101", "record 201"]


def test_a_row_says_what_was_scored_and_leaves_undefined_scores_empty() -> None:
    found = found_in([232, 232, 232], [0, 1, 1], [0, 1, 0])
    trained = Trained(found, 9, "cpu", training_s=1.5, beats_trained=30)
    config = Train(feeding=Feeding(rung="A2", block_windows=16, buffer_blocks=3))
    row = classifier_rows(trained, config, VARIANT, seed=4)[-1]
    assert (row.config.rung, row.config.device) == ("A2", "cpu")
    assert (row.config.block_windows_count, row.config.buffer_blocks_count) == (16, 3)
    assert row.measurement.trained_samples_per_s == 20
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
