"""Reasons in one cell: taken apart as they were put together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossscale_results.rows import first_reason, join_reasons, split_reasons

NAMES = ("a", "b", "other_a", "a_b")
TRICKY = st.text("ab_:; ", min_size=1, max_size=9)


def alone(name: str, reason: str) -> bool:
    """Whether the reason comes back where it is the only one: what a writer asks of each."""
    return split_reasons(join_reasons({name: reason}), NAMES) == {name: reason}


@given(st.dictionaries(st.sampled_from(NAMES), TRICKY))
def test_reasons_that_come_back_alone_come_back_together(reasons: dict[str, str]) -> None:
    kept = {name: reason for name, reason in reasons.items() if alone(name, reason)}
    assert split_reasons(join_reasons(kept), NAMES) == kept


@given(st.dictionaries(st.sampled_from(NAMES), st.text(min_size=1).filter(lambda t: ";" not in t)))
def test_a_reason_without_a_semicolon_may_say_anything(reasons: dict[str, str]) -> None:
    assert split_reasons(join_reasons(reasons), NAMES) == reasons


def test_reasons_stand_in_the_order_they_were_given() -> None:
    cell = join_reasons({"b": "not asked for", "a": "no counter; see README: part 2"})
    assert cell == "b: not asked for; a: no counter; see README: part 2"
    assert list(split_reasons(cell, NAMES)) == ["b", "a"]


def test_a_name_that_ends_like_another_is_its_own() -> None:
    assert split_reasons("other_a: x; a_b: y", NAMES) == {"other_a": "x", "a_b": "y"}


def test_no_reasons_are_an_empty_cell() -> None:
    assert join_reasons({}) == ""
    assert split_reasons("", NAMES) == {}
    assert split_reasons("", ()) == {}


@pytest.mark.parametrize("cell", ["x", "c: x", "x; a: y", "a:x", " a: x", ";", " "])
def test_a_cell_that_begins_with_no_name_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="^" + cell):
        split_reasons(cell, NAMES)


@pytest.mark.parametrize("cell", ["x", "a: x", ": x", "; : x"])
def test_where_no_column_may_be_empty_any_reason_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="^" + cell):
        split_reasons(cell, ())


def test_the_first_reason_is_that_of_the_first_column_named() -> None:
    assert first_reason("b: it failed: 3 bytes; a: later", NAMES) == "it failed: 3 bytes"


def test_a_cell_without_reasons_has_no_first() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        first_reason("", NAMES)
