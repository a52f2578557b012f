"""Columns stated once, in a dataclass: what a field may be, and the unit its name carries."""

from dataclasses import dataclass, make_dataclass
from typing import Annotated, Any, Literal, Optional

import pytest
from typing_extensions import Doc

from crossscale_results.columns import SUFFIX_UNITS, Column, columns_of, stem_of, unit_of


def columns_with(name: str, hint: Any) -> tuple[Column, ...]:
    return columns_of(make_dataclass("Made", [(name, hint)]))


def test_fields_become_columns_in_order() -> None:
    @dataclass(frozen=True)
    class Made:
        mode: Annotated[Literal["fast", "slow"], Doc("How.")]
        step_ms: Annotated[float | None, Doc("How long.")]
        ok: Annotated[bool, Doc("Whether.")]
        moved_bytes: Annotated[int, Doc("How much.")]

    assert columns_of(Made) == (
        Column("mode", "str", "", "How.", False),
        Column("step_ms", "float", "ms", "How long.", True),
        Column("ok", "bool", "", "Whether.", False),
        Column("moved_bytes", "int", "bytes", "How much.", False),
    )


@pytest.mark.parametrize(
    ("hint", "kind", "optional"),
    [
        (int, "int", False),
        (str | None, "str", True),
        (None | bool, "bool", True),
        (Optional[int], "int", True),  # noqa: UP045 - somebody may write it so
        (Literal["a"], "str", False),
        (Literal["a", "b"] | None, "str", True),
    ],
)
def test_a_type_is_a_kind_that_may_be_empty_or_not(hint: Any, kind: str, optional: bool) -> None:
    (column,) = columns_with("thing", Annotated[hint, Doc("It.")])
    assert (column.kind, column.optional) == (kind, optional)


@pytest.mark.parametrize(
    "hint",
    [
        int,
        Annotated[int, "a string is no Doc"],
        Annotated[int, Doc("One."), Doc("Two.")],
        Annotated[int, Doc("One.")] | None,
    ],
)
def test_a_field_without_its_one_doc_is_refused(hint: Any) -> None:
    with pytest.raises(TypeError, match=r"Made\.thing must be documented by one Doc"):
        columns_with("thing", hint)


@pytest.mark.parametrize(
    "hint", [list, list[int], complex, object, bytes, None, int | str, int | str | None, Literal[1]]
)
def test_a_type_that_no_column_holds_is_refused(hint: Any) -> None:
    with pytest.raises(TypeError, match=r"Made\.thing has type .*, which no column can hold"):
        columns_with("thing", Annotated[hint, Doc("It.")])


@pytest.mark.parametrize("hint", [float, float | None])
@pytest.mark.parametrize("name", ["step", "step_seconds", "s", "ratio"])
def test_a_float_without_a_unit_is_refused(name: str, hint: Any) -> None:
    with pytest.raises(TypeError, match=rf"Made\.{name} is a float whose name ends in no unit"):
        columns_with(name, Annotated[hint, Doc("It.")])


@pytest.mark.parametrize(
    ("name", "stem", "unit"),
    [
        ("step_s", "step", "s"),
        ("step_ms", "step", "ms"),
        ("step_us", "step", "us"),
        ("copied_gb_per_s", "copied", "GB/s"),
        ("trained_samples_per_s", "trained", "samples/s"),
        ("done_gflop_per_s", "done", "GFLOP/s"),
        ("v_f1", "v", "1"),
        ("sampled_hz", "sampled", "Hz"),
        ("last_loss", "last", "nat"),
        ("gain_percent", "gain", "%"),
        ("batch_size", "batch_size", ""),
        ("cores", "cores", ""),
    ],
)
def test_the_longest_suffix_is_the_unit(name: str, stem: str, unit: str) -> None:
    assert (stem_of(name), unit_of(name)) == (stem, unit)


@pytest.mark.parametrize("suffix", SUFFIX_UNITS)
def test_every_suffix_gives_a_number_its_unit(suffix: str) -> None:
    (column,) = columns_with(f"thing{suffix}", Annotated[float, Doc("It.")])
    assert column.unit == SUFFIX_UNITS[suffix] != ""


def test_only_numbers_have_units() -> None:
    (text,) = columns_with("class_s", Annotated[str, Doc("It.")])
    (truth,) = columns_with("late_s", Annotated[bool, Doc("It.")])
    assert (text.unit, truth.unit) == ("", "")
