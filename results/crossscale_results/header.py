"""The first line of a results file, held against the table's columns."""

from pathlib import Path

from crossscale_results.columns import stem_of, unit_of
from crossscale_results.errors import ResultsError
from crossscale_results.table import Table


def check_header(table: Table, path: Path, header: list[str]) -> None:
    """Check that the header has every column of the table and no other; their order is free.

    Raises:
        ResultsError: a column is unknown, of another unit, missing, or there twice.
    """
    where = f"{path}, line 1"
    for name in header:
        if name not in table.header:
            raise ResultsError(f"{where}: {_strange(table, header, name)}")
        if header.count(name) > 1:
            raise ResultsError(f"{where}: column {name!r} is there twice")
    if missing := [name for name in table.header if name not in header]:
        raise ResultsError(f"{where}: column {missing[0]!r} is missing")


def _strange(table: Table, header: list[str], name: str) -> str:
    """What is wrong with a name that the table does not have."""
    for known in table.header:
        other_unit = stem_of(known) == stem_of(name) and unit_of(known) != unit_of(name)
        if other_unit and known not in header:
            return f"column {name!r} is {_unit(name)}, where the table has {known!r} {_unit(known)}"
    return f"column {name!r} is unknown to table {table.name}"


def _unit(name: str) -> str:
    return f"in {unit_of(name)}" if unit_of(name) else "without a unit"
