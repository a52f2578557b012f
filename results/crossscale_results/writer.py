"""Rows appended to a CSV: whole or not at all, also with several writers at once.

A row counts once its newline is in the file. A writer that was killed can leave a torn last line,
which readers pass over and the next writer cuts off; a full disk leaves the file's rows as they
were.
"""

import csv
import fcntl
import io
import os
from collections.abc import Iterable
from pathlib import Path

from crossscale_results.cells import row_cells
from crossscale_results.errors import ResultsError
from crossscale_results.header import check_header
from crossscale_results.provenance import Provenance
from crossscale_results.rows import Row
from crossscale_results.table import Table


def append_rows(
    table: Table, results_dir: Path, provenance: Provenance, rows: Iterable[Row]
) -> Path:
    """Append rows to `<results_dir>/<table.name>.csv`, made first if need be; none, no file.

    Raises:
        ResultsError: a row breaks the contract (a value missing without its reason, not finite,
            or telling whose machine it was), the file has another header, or it cannot be written.
    """
    lines = [_line(row_cells(table, provenance, row)) for row in rows]
    path = results_dir / f"{table.name}.csv"
    if not lines:
        return path
    try:
        results_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ResultsError(f"{path} cannot be written ({error.strerror})") from error
    try:
        _lock(descriptor, path)
        end = _end_of_last_whole_line(descriptor)
        if end == 0:
            lines.insert(0, _line(table.header))
        else:
            _check_same_header(table, path, descriptor)
        _write_at(descriptor, path, end, "".join(lines).encode())
    finally:
        os.close(descriptor)  # and with it the lock
    return path


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:  # some cluster file systems have no locks
        raise ResultsError(
            f"{path} cannot be locked ({error.strerror}): choose a --results-dir on a file system "
            "with locks"
        ) from error


def _end_of_last_whole_line(descriptor: int) -> int:
    chunk, end = 1 << 16, os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - chunk)
        position = os.pread(descriptor, end - start, start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0


def _check_same_header(table: Table, path: Path, descriptor: int) -> None:
    """Raise ResultsError unless the first line is the table's header, in the table's order."""
    expected = _line(table.header)
    found = os.pread(descriptor, 2 * len(expected), 0).decode(errors="replace")
    if found.startswith(expected):
        return
    advice = "move the file away, or write to another --results-dir"
    try:
        check_header(table, path, found.splitlines()[0].split(","))
    except ResultsError as error:
        raise ResultsError(f"{error}; {advice}") from None
    raise ResultsError(f"{path}, line 1: its columns are in another order; {advice}")


def _write_at(descriptor: int, path: Path, end: int, data: bytes) -> None:
    """Put `data` after the last whole line, or leave the file with just its whole lines."""
    try:
        os.ftruncate(descriptor, end)
        if os.pwrite(descriptor, data, end) != len(data):
            raise OSError(None, "no room left")
        os.fsync(descriptor)
    except OSError as error:
        os.ftruncate(descriptor, end)
        raise ResultsError(
            f"{path} cannot be written ({error.strerror}); the rows before are as they were: make "
            "room and run again"
        ) from error


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
