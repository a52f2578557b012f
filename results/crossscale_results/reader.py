"""A table read back, every cell checked; what is wrong is named by file, line and column."""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from crossscale_results.columns import Column, unit_of
from crossscale_results.errors import ResultsError
from crossscale_results.table import Table

_DTYPES = {"int": "Int64", "float": "Float64", "str": "str", "bool": "bool"}


def read_table(table: Table, results_dir: Path) -> pd.DataFrame:
    """All rows of `<results_dir>/<table.name>.csv`; what was not measured is NA.

    Raises:
        ResultsError: the file is missing, a column is unknown, missing or of another unit, or a
            cell is not of its column's kind, or empty without a reason.
    """
    path = results_dir / f"{table.name}.csv"
    if not path.is_file():
        raise ResultsError(f"{path} does not exist: run the bench that writes it first")
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        _check_header(table, path, header)
        columns = {column.name: column for column in table.columns}
        values: dict[str, list[Any]] = {name: [] for name in header}
        for cells in lines:
            where = f"{path}, line {lines.line_num}"
            if len(cells) != len(header):
                raise ResultsError(f"{where}: {len(cells)} cells under {len(header)} columns")
            reasons = dict(zip(header, cells, strict=True))["not_measured"]
            for name, cell in zip(header, cells, strict=True):
                values[name].append(_value(where, columns[name], cell, reasons))
    dtypes = {name: _DTYPES[columns[name].kind] for name in table.header}
    return pd.DataFrame(values, columns=list(table.header)).astype(dtypes)


def _check_header(table: Table, path: Path, header: list[str]) -> None:
    where = f"{path}, line 1"
    for name in header:
        if name in table.header:
            continue
        for known in table.header:
            if known not in header and _stem(known) == _stem(name):
                raise ResultsError(
                    f"{where}: column {name} has the wrong unit, the table's is {known} "
                    f"({unit_of(known)})"
                )
        raise ResultsError(f"{where}: unknown column {name!r}")
    if missing := [name for name in table.header if name not in header]:
        raise ResultsError(f"{where}: column {missing[0]!r} is missing")
    if len(set(header)) != len(header):
        raise ResultsError(f"{where}: a column stands there twice")


def _stem(name: str) -> str:
    """The name without its unit."""
    return name.rsplit("_", 1)[0] if unit_of(name) else name


def _value(where: str, column: Column, cell: str, reasons: str) -> Any:
    if cell == "" and column.name != "not_measured":
        if column.optional and f"{column.name}: " in f"; {reasons}":
            return pd.NA
        what = "has no reason in not_measured" if column.optional else "must not be empty"
        raise ResultsError(f"{where}: {column.name} is empty and {what}")
    try:
        return _PARSERS[column.kind](cell)
    except ValueError as error:
        raise ResultsError(
            f"{where}: {column.name} is not of kind {column.kind}: {cell!r}"
        ) from error


def _parse_float(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


def _parse_bool(cell: str) -> bool:
    if cell not in ("true", "false"):
        raise ValueError(cell)
    return cell == "true"


_PARSERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": _parse_float,
    "str": str,
    "bool": _parse_bool,
}
