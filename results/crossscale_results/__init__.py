"""What a results row is: its columns, provenance, writer, reader, figure style and claims.

A row is provenance (which code, machine and data) + seed and repeat + the bench's configuration +
what was measured. `results/COLUMNS.md` documents every column.
"""

from crossscale_results import interrupts  # noqa: F401 - before all that takes time to load

# isort: split

from typing import TYPE_CHECKING

from crossscale_results.errors import ResultsError, UserError
from crossscale_results.provenance import Provenance, collect
from crossscale_results.rows import Row
from crossscale_results.table import Table
from crossscale_results.writer import append_rows

__all__ = [
    "Claim",
    "Provenance",
    "ResultsError",
    "Row",
    "Table",
    "UserError",
    "append_rows",
    "collect",
    "read_table",
]

if TYPE_CHECKING:
    from crossscale_results.claims import Claim
    from crossscale_results.reader import read_table


def __getattr__(name: str) -> object:
    """Loads what needs pandas when it is asked for: pandas is a tenth of a rank's start."""
    if name == "Claim":
        from crossscale_results.claims import Claim

        return Claim
    if name == "read_table":
        from crossscale_results.reader import read_table

        return read_table
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
