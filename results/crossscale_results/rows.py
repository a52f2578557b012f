"""One row before it is written, and how its reasons stand in one cell."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Row:
    """A raw sample: what was run, what was measured, and why anything else was not.

    `config` and `measurement` are instances of the table's two dataclasses. Every measurement that
    is None has its reason in `not_measured`, by column name.
    """

    config: Any
    measurement: Any
    seed: int
    repeat: int
    not_measured: Mapping[str, str] = field(default_factory=dict)


def void_row(config: Any, measurement: type[Any], reason: str, seed: int, repeat: int = 0) -> Row:
    """The row of what could not be measured at all; `measurement` is the table's dataclass."""
    names = [field.name for field in fields(measurement)]
    empty = measurement(**dict.fromkeys(names))
    return Row(config, empty, seed, repeat, dict.fromkeys(names, reason))


def empty_columns(measurement: Any) -> list[str]:
    """Columns of a measurement that need a reason."""
    return [field.name for field in fields(measurement) if getattr(measurement, field.name) is None]


def join_reasons(reasons: Mapping[str, str]) -> str:
    """The reasons as one cell: `column: reason; column: reason`."""
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def split_reasons(cell: str, names: Iterable[str]) -> dict[str, str]:
    """The reasons of a cell, by column, where only `names` can have one.

    Raises:
        ValueError: the cell does not begin with one of `names`.
    """
    if not cell:
        return {}
    # `(?!)` matches nothing: where no column may be empty, no reason is one.
    alternatives = "|".join(re.escape(name) for name in names) or "(?!)"
    before, *parts = re.split(f"(?:^|; )({alternatives}): ", cell)
    if before or not parts:
        raise ValueError(cell)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def first_reason(cell: str, names: Iterable[str]) -> str:
    """The first of a cell's reasons; in a `void_row`'s it is that of every column.

    Raises:
        ValueError: as in `split_reasons`; or there is none.
    """
    reason, *_ = split_reasons(cell, names).values()
    return reason
