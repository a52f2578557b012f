"""Columns from documented dataclasses: name, kind, unit and meaning, stated once."""

import dataclasses
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, Union

from typing_extensions import Doc

# The unit a name's suffix stands for. A float must carry one, so that no number is ambiguous.
SUFFIX_UNITS = {
    "_s": "s",
    "_ms": "ms",
    "_us": "us",
    "_hz": "Hz",
    "_mv": "mV",
    "_bytes": "bytes",
    "_count": "count",
    "_ratio": "1",
    "_percent": "%",
    "_gb_per_s": "GB/s",
    "_samples_per_s": "samples/s",
    "_gflop_per_s": "GFLOP/s",
    "_f1": "1",
    "_sensitivity": "1",
    "_precision": "1",
    "_loss": "nat",
    "_rate": "1",
    "_momentum": "1",
    "_mu": "1",
    "_alpha": "1",
    "_norm": "1",
    "_multiplier": "1",
}
KINDS = {int: "int", float: "float", str: "str", bool: "bool"}


@dataclass(frozen=True)
class Column:
    """One column of a results table."""

    name: str
    kind: str  # int, float, str or bool
    unit: str  # empty where the value has none
    doc: str
    optional: bool  # may be empty, with its reason in `not_measured`


def columns_of(dataclass_type: type) -> tuple[Column, ...]:
    """The columns that a dataclass's fields are written to, in order.

    Raises:
        TypeError: a field without a Doc, of another type than int, float, str, bool, a Literal of
            strings (or one of these or None), or a float whose name has no unit suffix.
    """
    hints = typing.get_type_hints(dataclass_type, include_extras=True)
    return tuple(
        _column(f"{dataclass_type.__name__}.{field.name}", field.name, hints[field.name])
        for field in dataclasses.fields(dataclass_type)
    )


def unit_of(name: str) -> str:
    """The unit that a column's name carries; empty where it carries none."""
    return SUFFIX_UNITS.get(_suffix(name), "")


def stem_of(name: str) -> str:
    """A column's name without its unit."""
    return name.removesuffix(_suffix(name))


def _suffix(name: str) -> str:
    """The longest unit suffix: `_gb_per_s`, not `_s`."""
    return max((suffix for suffix in SUFFIX_UNITS if name.endswith(suffix)), key=len, default="")


def _column(where: str, name: str, hint: Any) -> Column:
    docs = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Doc)]
    if len(docs) != 1:
        raise TypeError(f"{where} must be documented by one Doc")
    kind, optional = _kind(where, typing.get_args(hint)[0])
    unit = unit_of(name) if kind in ("int", "float") else ""
    if kind == "float" and not unit:
        raise TypeError(f"{where} is a float whose name ends in no unit: {', '.join(SUFFIX_UNITS)}")
    return Column(name, kind, unit, docs[0].documentation, optional)


def _kind(where: str, hint: Any) -> tuple[str, bool]:
    if typing.get_origin(hint) in (Union, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        if len(members) == 1:
            return _kind(where, members[0])[0], True
    if typing.get_origin(hint) is Literal and all(
        isinstance(value, str) for value in typing.get_args(hint)
    ):
        return "str", False
    if hint not in KINDS:
        raise TypeError(f"{where} has type {hint}, which no column can hold")
    return KINDS[hint], False
