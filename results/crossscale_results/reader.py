"""A table read back, every cell checked; what is wrong is named by file, line and column."""

import csv
import io
import math
import re
import time
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from crossscale_results.cells import INT64
from crossscale_results.columns import Column
from crossscale_results.errors import ResultsError
from crossscale_results.header import check_header
from crossscale_results.rows import split_reasons
from crossscale_results.table import Table

FILES_KEPT = 32  # a report asks for most files many times
SETTLED_NS = 10**9  # what was written since may change again and bear the same time
_DTYPES = {"int": "Int64", "float": "Float64", "str": "string", "bool": "boolean"}


def read_table(table: Table, results_dir: Path) -> pd.DataFrame:
    """All rows of `<results_dir>/<table.name>.csv`, columns in the table's order.

    The dtypes are Int64, Float64, string and boolean; what was not measured is NA. A last line
    without its newline comes from a writer that was killed, and is no row.

    Raises:
        ResultsError: the file is missing or has no rows, a column is unknown, missing or of
            another unit, or a cell is not of its column's kind, or empty without a reason.
    """
    path = results_dir / f"{table.name}.csv"
    if not path.is_file():
        raise ResultsError(f"{path} does not exist: run the bench that writes it first")
    status = path.stat()
    if time.time_ns() - status.st_mtime_ns < SETTLED_NS:
        return _read.__wrapped__(table, path)
    return _read(table, path, status.st_ino, status.st_mtime_ns, status.st_size).copy()


def has_rows(table: Table, results_dir: Path) -> bool:
    """Whether the table's file holds a whole row: one that was killed while made holds none."""
    path = results_dir / f"{table.name}.csv"
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return all(file.readline().endswith(b"\n") for _ in range(2))  # the header, and a row


@lru_cache(maxsize=FILES_KEPT)
def _read(table: Table, path: Path, *of_this_file: int) -> pd.DataFrame:
    """The file's rows; what tells it from an earlier one of its name is an argument."""
    lines = _lines(path, whole_lines(path))
    _, header = next(lines, ("", list(table.header)))
    check_header(table, path, header)
    columns = {column.name: column for column in table.columns}
    values: dict[str, list[Any]] = {name: [] for name in header}
    known: dict[str, dict[tuple[str, str | None], Any]] = {name: {} for name in header}
    reasons_at = header.index("not_measured")
    for where, cells in lines:
        if len(cells) != len(header):
            raise ResultsError(f"{where}: {len(cells)} cells under {len(header)} columns")
        reasons = _reasons(where, cells[reasons_at], table.optional)
        for name, cell in zip(header, cells, strict=True):
            read = (cell, reasons.get(name))
            if read not in known[name]:  # most columns repeat a few cells
                known[name][read] = _value(where, columns[name], *read)
            values[name].append(known[name][read])
    if not values["run_id"]:
        raise ResultsError(f"{path} has no rows: delete it, or run the bench that writes it")
    return pd.DataFrame(
        {c.name: pd.array(values[c.name], dtype=_DTYPES[c.kind]) for c in table.columns}  # type: ignore[call-overload]
    )


def whole_lines(path: Path) -> str:
    """The file's text up to its last newline.

    Raises:
        ResultsError: the file is not UTF-8.
    """
    data = path.read_bytes()
    data = data[: data.rfind(b"\n") + 1]
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ResultsError(f"{path}, line {line}: not UTF-8") from error


def _lines(path: Path, text: str) -> Iterator[tuple[str, list[str]]]:
    """Each line's cells, with words for where it is."""
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in lines:
            yield f"{path}, line {lines.line_num}", cells
    except csv.Error as error:
        raise ResultsError(f"{path}, line {lines.line_num}: {error}") from error


@cache
def _split(cell: str, optional: tuple[str, ...]) -> dict[str, str]:
    return split_reasons(cell, optional)


def _reasons(where: str, cell: str, optional: tuple[str, ...]) -> dict[str, str]:
    try:
        return _split(cell, optional)
    except ValueError as error:
        raise ResultsError(
            f"{where}: not_measured names no column that may be empty: {cell!r}"
        ) from error


def _value(where: str, column: Column, cell: str, reason: str | None) -> Any:
    if cell == "" and column.name != "not_measured":
        if column.optional and reason and reason.strip():
            return pd.NA
        what = "has no reason in not_measured" if column.optional else "must not be"
        raise ResultsError(f"{where}: {column.name} is empty and {what}")
    if reason is not None:
        raise ResultsError(f"{where}: {column.name} has a value and a reason in not_measured")
    try:
        return _PARSERS[column.kind](cell)
    except ValueError as error:
        raise ResultsError(
            f"{where}: {column.name} is not of kind {column.kind}: {cell!r}"
        ) from error


_INT, _FLOAT = re.compile(r"-?[0-9]{1,19}"), re.compile(r"[-+.0-9eE]+")


def _parse_int(cell: str) -> int:
    # int() alone would also take `1_000`, blanks and other scripts' digits.
    if not _INT.fullmatch(cell) or int(cell) not in INT64:
        raise ValueError(cell)
    return int(cell)


def _parse_float(cell: str) -> float:
    if not _FLOAT.fullmatch(cell) or not math.isfinite(float(cell)):
        raise ValueError(cell)
    return float(cell)


def _parse_bool(cell: str) -> bool:
    if cell not in ("true", "false"):
        raise ValueError(cell)
    return cell == "true"


_PARSERS: dict[str, Callable[[str], Any]] = {
    "int": _parse_int,
    "float": _parse_float,
    "str": str,
    "bool": _parse_bool,
}
