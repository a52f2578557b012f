"""Rows appended to a CSV: whole or not at all, also with several writers at once.

A row counts once its newline is in the file. A writer that was killed can leave a torn last line,
which the next one cuts off; a full disk leaves the file as it was.
"""

import csv
import dataclasses
import fcntl
import io
import math
import os
import re
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crossscale_results.errors import ResultsError
from crossscale_results.provenance import Provenance
from crossscale_results.rows import Row
from crossscale_results.table import Table

_ABSOLUTE_PATH = re.compile(r"(?:^|[\s'\"=(,;:])(?:/[^\s/]+/|~/|[A-Za-z]:\\)")


def append_rows(
    table: Table, results_dir: Path, provenance: Provenance, rows: Iterable[Row]
) -> Path:
    """Append rows to `<results_dir>/<table.name>.csv`, made first if need be.

    Raises:
        ResultsError: a row breaks the contract (a value missing without its reason, not finite,
            or telling whose machine it was), the file has another header, or it cannot be written.
    """
    lines = [_line(_cells(table, provenance, row)) for row in rows]
    path = results_dir / f"{table.name}.csv"
    try:
        results_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ResultsError(f"{path} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _append(descriptor, path, _line(table.header), "".join(lines))
    finally:
        os.close(descriptor)
    return path


def _append(descriptor: int, path: Path, header: str, text: str) -> None:
    size = os.fstat(descriptor).st_size
    end = _end_of_last_whole_line(descriptor, size)
    if end == 0:
        text = header + text
    else:
        found = os.pread(descriptor, end, 0).split(b"\n", 1)[0].decode(errors="replace") + "\n"
        if found != header:
            raise ResultsError(
                f"{path}, line 1: its columns are not those of this version of the suite; move "
                "the file away, or write to another --results-dir"
            )
    data = text.encode()
    try:
        if end < size:
            os.ftruncate(descriptor, end)
        if os.pwrite(descriptor, data, end) != len(data):
            raise OSError(None, "the disk is full")
        os.fsync(descriptor)
    except OSError as error:
        os.ftruncate(descriptor, end)
        raise ResultsError(
            f"{path} cannot be written ({error.strerror}); the rows before are as they were"
        ) from error


def _end_of_last_whole_line(descriptor: int, size: int) -> int:
    chunk, end = 1 << 16, size
    while end > 0:
        start = max(0, end - chunk)
        position = os.pread(descriptor, end - start, start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0


def _cells(table: Table, provenance: Provenance, row: Row) -> list[str]:
    values = {
        **_values(table, provenance, Provenance),
        "seed": row.seed,
        "repeat": row.repeat,
        "not_measured": "; ".join(f"{name}: {why}" for name, why in row.not_measured.items()),
        **_values(table, row.config, table.config),
        **_values(table, row.measurement, table.measurement),
    }
    for name in row.not_measured:
        if name not in values:
            raise ResultsError(f"table {table.name} has no column {name} that could be unmeasured")
    cells = []
    for column in table.columns:
        value = values[column.name]
        if (value is None) != (column.name in row.not_measured):
            what = "is empty without a reason" if value is None else "has a value and a reason"
            raise ResultsError(f"table {table.name}: {column.name} {what} in not_measured")
        cells.append(_cell(f"table {table.name}: {column.name}", column.kind, value))
    return cells


def _values(table: Table, instance: Any, expected: type) -> dict[str, Any]:
    if type(instance) is not expected:
        raise ResultsError(
            f"table {table.name} takes a {expected.__name__}, not a {type(instance).__name__}"
        )
    return {field.name: getattr(instance, field.name) for field in dataclasses.fields(expected)}


def _cell(where: str, kind: str, value: Any) -> str:
    if value is None:
        return ""
    if kind == "bool" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ResultsError(f"{where} is {value}: what could not be measured is left empty")
        return repr(float(value))
    if kind == "str" and isinstance(value, str):
        _refuse_private(where, value)
        return value
    raise ResultsError(f"{where} must be of kind {kind}, not {value!r}")


def _refuse_private(where: str, value: str) -> None:
    host = socket.gethostname()
    if "\n" in value or "\r" in value:
        raise ResultsError(f"{where} has a line break: a row is one line")
    if _ABSOLUTE_PATH.search(value) or str(Path.home()) in value.split():
        raise ResultsError(f"{where} holds an absolute path ({value!r}): rows are anonymous")
    if len(host) > 3 and re.search(rf"\b{re.escape(host)}\b", value):
        raise ResultsError(f"{where} holds this machine's name: rows are anonymous")


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
