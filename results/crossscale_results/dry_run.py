"""What every command's `--dry-run` says: on which device it would compute, and what stays empty."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from typing_extensions import Doc

from crossscale_results.machine import accelerator
from crossscale_results.table import Table

DryRun = Annotated[bool, Doc("Print what would be run, and measure, download and write nothing.")]
HEADING = "dry run: nothing is measured, downloaded or written; this is what would be"


def device_line(device_type: str) -> str:
    """The device that would compute: an accelerator by its name, a CPU with what is beside it."""
    found = accelerator()
    if device_type != "cpu":
        return f"device: {device_type}, {found}"
    return f"device: cpu; {'no accelerator was found' if found == 'none' else f'{found} is unused'}"


def rows_line(table: Table, results_dir: Path, rows: int) -> str:
    """The file that would be appended to, and by how many rows."""
    return f"{results_dir / table.name}.csv: {rows} rows"


def empty_lines(table: Table, reasons: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The table's columns that stay empty, those of one reason in one line.

    Args:
        table: whose columns they are.
        reasons: by who has the rows (a rung, a world size): the reason of each empty column.
    """
    whose: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for who, by_column in reasons.items():
        for reason in dict.fromkeys(by_column.values()):
            columns = tuple(name for name, why in by_column.items() if why == reason)
            whose.setdefault((reason, columns), []).append(who)
    lines = [
        f"  {', '.join(columns)}: {reason} ({', '.join(who)})"
        for (reason, columns), who in whose.items()
    ]
    return [f"empty in {table.name}:", *(lines or ["  nothing"])]
