"""A table: the columns of one CSV file, made of three documented dataclasses."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from typing_extensions import Doc

from crossscale_results.columns import Column, columns_of
from crossscale_results.provenance import Provenance


@dataclass(frozen=True)
class RowKey:
    """Columns that tell a run's rows apart and account for what is missing in them."""

    seed: Annotated[int, Doc("Seed of this row's random numbers.")]
    repeat: Annotated[int, Doc("Which repetition of the same configuration, from 0.")]
    not_measured: Annotated[
        str, Doc("Why columns are empty: `column: reason`, joined by `; `; empty if none is.")
    ]


@dataclass(frozen=True)
class Table:
    """One CSV file of results, `<name>.csv`."""

    name: str
    title: str  # one sentence: what a row is
    config: type  # dataclass: what was run
    measurement: type  # dataclass: what was measured

    def __post_init__(self) -> None:
        """Check the columns.

        Raises:
            TypeError: two columns of one name, a field that cannot be a column, or a name that
                is no plain file name.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise TypeError(f"table name {self.name!r} must be of a-z, 0-9 and _")
        counts = Counter(column.name for column in self.columns)
        if clashes := [name for name, count in counts.items() if count > 1]:
            raise TypeError(f"table {self.name} has the column {clashes[0]} twice")

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """All columns in the file's order."""
        return (
            *columns_of(Provenance),
            *columns_of(RowKey),
            *columns_of(self.config),
            *columns_of(self.measurement),
        )

    @cached_property
    def header(self) -> tuple[str, ...]:
        """Column names in the file's order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """Names of the columns that may be empty, each then with a reason in `not_measured`."""
        return tuple(column.name for column in self.columns if column.optional)
