"""What a row's values must be to be written, and the text they become."""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from crossscale_results import ResultsError, Row
from crossscale_results.cells import row_cells


def cells_of(toy: Any, **changed: Any) -> dict[str, str]:
    """The cells of a toy row, by column."""
    cells = row_cells(toy.TOY, toy.PROVENANCE, toy.toy_row(**changed))
    return dict(zip(toy.TOY.header, cells, strict=True))


def refusal(toy: Any, **changed: Any) -> str:
    """The sentence that a toy row is refused with."""
    with pytest.raises(ResultsError) as caught:
        cells_of(toy, **changed)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_rows_cells_stand_in_the_tables_order(toy: Any) -> None:
    cells = cells_of(toy, repeat=3, seed=7)
    assert list(cells) == list(toy.TOY.header)
    assert cells["run_id"] == "0123456789ab"
    assert (cells["git_dirty"], cells["warm"]) == ("false", "true")
    assert (cells["seed"], cells["repeat"], cells["batch_size"]) == ("7", "3", "32")
    assert (cells["step_s"], cells["note"], cells["not_measured"]) == ("0.25", "steady", "")


def test_absent_is_an_empty_cell_with_its_reason_in_another(toy: Any) -> None:
    reasons = {"note": "nobody looked", "moved_bytes": "no counter"}
    cells = cells_of(toy, note=None, moved_bytes=None, not_measured=reasons)
    assert (cells["note"], cells["moved_bytes"]) == ("", "")
    assert cells["not_measured"] == "note: nobody looked; moved_bytes: no counter"


@pytest.mark.parametrize(
    ("changed", "column", "cell"),
    [
        ({"batch_size": np.int32(5)}, "batch_size", "5"),
        ({"batch_size": -(2**63)}, "batch_size", "-9223372036854775808"),
        ({"step_s": np.float64(0.1)}, "step_s", "0.1"),
        ({"step_s": np.float32(0.5)}, "step_s", "0.5"),
        ({"step_s": 3}, "step_s", "3.0"),
        ({"step_s": Fraction(1, 4)}, "step_s", "0.25"),
        ({"step_s": -0.0}, "step_s", "-0.0"),
        ({"step_s": 5e-324}, "step_s", "5e-324"),
    ],
)
def test_a_number_of_any_class_is_written_plainly(
    toy: Any, changed: dict[str, Any], column: str, cell: str
) -> None:
    assert cells_of(toy, **changed)[column] == cell


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("step_s", math.nan, "is nan"),
        ("step_s", math.inf, "is inf"),
        ("other_step_s", -math.inf, "is -inf"),
        ("step_s", True, "must be of kind float"),
        ("step_s", "0.25", "must be of kind float"),
        ("step_s", None, "must not be empty"),
        ("batch_size", True, "must be of kind int"),
        ("batch_size", 32.0, "must be of kind int"),
        ("batch_size", "32", "must be of kind int"),
        ("batch_size", 2**63, "does not fit 64 bits"),
        ("moved_bytes", -(2**63) - 1, "does not fit 64 bits"),
        ("moved_bytes", False, "must be of kind int"),
        ("warm", 1, "must be of kind bool"),
        ("warm", 0, "must be of kind bool"),
        ("warm", "true", "must be of kind bool"),
        ("kernel", 3, "must be of kind str"),
        ("kernel", b"reference", "must be of kind str"),
        ("kernel", "", "is an empty string"),
        ("kernel", "  ", "is an empty string"),
        ("note", "", "is an empty string"),
        ("kernel", "two\nlines", "control character"),
        ("kernel", "two\rlines", "control character"),
        ("kernel", "two\u2028lines", "control character"),
        ("kernel", "tab\t", "control character"),
        ("kernel", "nul\0", "control character"),
        ("kernel", "\x1b[31mred", "control character"),
        ("kernel", "\ud800", "control character"),
        ("kernel", "turned \u202e round", "control character"),
        ("note", "in /usr/share", "an absolute path"),
        ("note", "in ~/data", "an absolute path"),
        ("note", r"in D:\data", "an absolute path"),
        ("note", "x" * 200_000, "200000 characters"),
    ],
)
def test_a_value_that_breaks_the_contract_is_refused_by_table_and_column(
    toy: Any, column: str, value: Any, said: str
) -> None:
    sentence = refusal(toy, **{column: value})
    assert sentence.startswith(f"table toy: {column} ")
    assert said in sentence


@pytest.mark.parametrize("column", ["seed", "repeat"])
@pytest.mark.parametrize("value", [True, 1.0, None, 2**63])
def test_a_rows_key_is_held_to_the_same_rules(toy: Any, column: str, value: Any) -> None:
    assert refusal(toy, **{column: value}).startswith(f"table toy: {column} ")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"git_dirty": 0}, "git_dirty must be of kind bool"),
        ({"cores_count": 0.5}, "cores_count must be of kind int"),
        ({"accelerator": ""}, "accelerator is an empty string"),
        ({"accelerator": None}, "accelerator must not be empty"),
        ({"cpu_model": "emulated by /usr/bin/emulator"}, "cpu_model holds an absolute path"),
    ],
)
def test_provenance_is_held_to_the_same_rules(toy: Any, changed: dict[str, Any], said: str) -> None:
    provenance = replace(toy.PROVENANCE, **changed)
    with pytest.raises(ResultsError, match=f"table toy: {said}"):
        row_cells(toy.TOY, provenance, toy.toy_row())


@pytest.mark.parametrize(
    ("changed", "reasons", "said"),
    [
        ({"note": None}, {}, "note is empty without a reason"),
        ({"note": None}, {"moved_bytes": "x"}, "moved_bytes has a value and a reason"),
        ({}, {"note": "nobody looked"}, "note has a value and a reason"),
        ({"note": None}, {"note": " "}, "no reason for note"),
        ({"note": None}, {"note": ""}, "no reason for note"),
        ({}, {"step_s": "x"}, "names 'step_s', which is no column that may be empty"),
        ({}, {"stepp_s": "x"}, "names 'stepp_s', which is no column that may be empty"),
        ({"note": None}, {"note": "broken\nhere"}, "not_measured has a line break"),
        ({"note": None}, {"note": "none in /usr/share"}, "not_measured holds an absolute path"),
        ({"note": None}, {"note": "x; moved_bytes: y"}, "that holds another column's"),
        ({"note": None}, {"note": "x; note: y"}, "that holds another column's"),
    ],
)
def test_every_missing_value_has_one_reason_and_no_other_has(
    toy: Any, changed: dict[str, Any], reasons: dict[str, str], said: str
) -> None:
    sentence = refusal(toy, **changed, not_measured=reasons)
    assert sentence.startswith("table toy: ")
    assert said in sentence


def test_a_row_of_another_tables_dataclass_is_refused(toy: Any) -> None:
    right = toy.toy_row()
    for row, said in (
        (Row(toy.MEASUREMENT, right.measurement, 0, 0), "takes a ToyRun, not a ToyMeasurement"),
        (Row(right.config, right.config, 0, 0), "takes a ToyMeasurement, not a ToyRun"),
        (Row(right.config, None, 0, 0), "takes a ToyMeasurement, not a NoneType"),
    ):
        with pytest.raises(ResultsError, match=f"table toy {said}"):
            row_cells(toy.TOY, toy.PROVENANCE, row)
