"""The text of a row's cells, and the rules that a value must keep to be written."""

import dataclasses
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from crossscale_results.columns import Column
from crossscale_results.errors import ResultsError
from crossscale_results.privacy import private_part
from crossscale_results.provenance import Provenance
from crossscale_results.rows import Row, join_reasons, split_reasons
from crossscale_results.table import Table

INT64 = range(-(2**63), 2**63)  # what a reader's integer column holds
LONGEST = 131_072  # characters of a cell that Python's csv module reads
# Machines are often called after their hardware: `epyc` must be able to write "AMD EPYC 7763".
_NAMED_BY_MAKERS = ("cpu_model", "accelerator")


def row_cells(table: Table, provenance: Provenance, row: Row) -> list[str]:
    """The row's cells in the order of the table's columns.

    Raises:
        ResultsError: an instance of another dataclass than the table's, a value of another kind
            than its column's, one missing without a reason or there with one, a number that is
            not finite, a string that is empty, not printable, too long to be read back or tells
            whose machine it was.
    """
    _check_reasons(table, row.not_measured)
    values = {
        **_values(table, provenance, Provenance),
        "seed": row.seed,
        "repeat": row.repeat,
        "not_measured": join_reasons(row.not_measured),
        **_values(table, row.config, table.config),
        **_values(table, row.measurement, table.measurement),
    }
    cells = []
    for column in table.columns:
        where, value = f"table {table.name}: {column.name}", values[column.name]
        if value is None and not column.optional:
            raise ResultsError(f"{where} must not be empty")
        if (value is None) != (column.name in row.not_measured):
            what = "is empty without a reason" if value is None else "has a value and a reason"
            raise ResultsError(f"{where} {what} in not_measured")
        cells.append(_cell(where, column, value))
    return cells


def _check_reasons(table: Table, reasons: Mapping[str, str]) -> None:
    for name, reason in reasons.items():
        where = f"table {table.name}: not_measured"
        if name not in table.optional:
            raise ResultsError(f"{where} names {name!r}, which is no column that may be empty")
        if not reason.strip():
            raise ResultsError(f"{where} gives no reason for {name}")
        if split_reasons(join_reasons({name: reason}), table.optional) != {name: reason}:
            raise ResultsError(
                f"{where} has a reason for {name} that holds another column's: {reason!r}"
            )


def _values(table: Table, instance: Any, expected: type) -> dict[str, Any]:
    if type(instance) is not expected:
        raise ResultsError(
            f"table {table.name} takes a {expected.__name__}, not a {type(instance).__name__}"
        )
    return {field.name: getattr(instance, field.name) for field in dataclasses.fields(expected)}


def _cell(where: str, column: Column, value: Any) -> str:
    if value is None:
        return ""
    kind, is_bool = column.kind, isinstance(value, bool)
    if kind == "bool" and is_bool:
        return "true" if value else "false"
    if kind == "int" and isinstance(value, Integral) and not is_bool:
        if int(value) not in INT64:
            raise ResultsError(f"{where} does not fit 64 bits: {value}")
        return str(int(value))
    if kind == "float" and isinstance(value, Real) and not is_bool:
        if not math.isfinite(value):
            raise ResultsError(f"{where} is {value}: what could not be measured is left empty")
        return repr(float(value))
    if kind == "str" and isinstance(value, str):
        if column.name != "not_measured":
            _check_not_blank(where, value)
        _check_string(where, value, may_hold_host_name=column.name in _NAMED_BY_MAKERS)
        return value
    raise ResultsError(f"{where} must be of kind {kind}, not {value!r}")


def _check_not_blank(where: str, value: str) -> None:
    if not value.strip():
        raise ResultsError(f"{where} is an empty string: say what it is, or `none`")


def _check_string(where: str, value: str, may_hold_host_name: bool) -> None:
    if not value.isprintable():
        raise ResultsError(f"{where} has a line break or control character: {value!r}")
    if len(value) > LONGEST:
        raise ResultsError(f"{where} has {len(value)} characters, more than can be read back")
    if part := private_part(value, may_hold_host_name):
        raise ResultsError(f"{where} holds {part} ({value!r}): rows are anonymous")
