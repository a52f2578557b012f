"""A file's first line: every column of the table and no other, in whatever order."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossscale_results import ResultsError
from crossscale_results.header import check_header

PATH = Path("toy.csv")


def refusal(toy: Any, header: list[str]) -> str:
    with pytest.raises(ResultsError) as caught:
        check_header(toy.TOY, PATH, header)
    return str(caught.value)


def renamed(toy: Any, old: str, new: str) -> list[str]:
    return [new if name == old else name for name in toy.TOY.header]


@given(data=st.data())
def test_any_order_is_taken(toy: Any, data: st.DataObject) -> None:
    check_header(toy.TOY, PATH, data.draw(st.permutations(toy.TOY.header)))


@given(data=st.data())
def test_a_header_of_other_columns_is_refused(toy: Any, data: st.DataObject) -> None:
    names = st.sampled_from([*toy.TOY.header, "step_ms", "speed", ""])
    header = data.draw(st.lists(names, max_size=2 * len(toy.TOY.header)))
    if sorted(header) != sorted(toy.TOY.header):
        assert refusal(toy, header).startswith("toy.csv, line 1: column ")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("step_s", "step_ms", "'step_ms' is in ms, where the table has 'step_s' in s"),
        ("step_s", "step", "'step' is without a unit, where the table has 'step_s' in s"),
        (
            "batch_size",
            "batch_size_count",
            "'batch_size_count' is in count, where the table has 'batch_size' without a unit",
        ),
        ("step_s", "speed_s", "'speed_s' is unknown to table toy"),
        ("step_s", "Step_s", "'Step_s' is unknown to table toy"),
        ("step_s", " step_s", "' step_s' is unknown to table toy"),
        ("run_id", "\ufeffrun_id", "'\\ufeffrun_id' is unknown to table toy"),
        ("step_s", "", "'' is unknown to table toy"),
    ],
)
def test_a_strange_column_is_named_and_its_unit_compared(
    toy: Any, old: str, new: str, said: str
) -> None:
    assert refusal(toy, renamed(toy, old, new)) == f"toy.csv, line 1: column {said}"


def test_a_column_beside_the_one_of_its_name_is_unknown_whatever_its_unit(toy: Any) -> None:
    assert "'step_ms' is unknown to table toy" in refusal(toy, [*toy.TOY.header, "step_ms"])


def test_a_doubled_column_is_named(toy: Any) -> None:
    sentence = refusal(toy, [*toy.TOY.header, "note"])
    assert sentence == "toy.csv, line 1: column 'note' is there twice"


def test_a_missing_column_is_named(toy: Any) -> None:
    header = [name for name in toy.TOY.header if name != "warm"]
    assert refusal(toy, header) == "toy.csv, line 1: column 'warm' is missing"
