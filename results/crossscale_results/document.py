"""The documentation of every column, in Markdown, from the dataclasses that define them."""

from collections.abc import Iterable

from crossscale_results.columns import Column, columns_of
from crossscale_results.provenance import Provenance
from crossscale_results.table import RowKey, Table

_HEAD = """# Columns of the results

Made by `python -m crossscale_results columns`; a test holds it to the code. A row is one raw
sample, appended and never changed, but for two things. Columns that came later were filled in by
what the rows' commit tells: in `results/reference` `congestion_control` (`unknown`) and
`memory_kept` (`false`) in module 3's tables, and there and in `results/reference_amd` `link` (`one
node`) in `module3_allreduce`. And `results/reference/module3_scores.csv` lacks the bench's rows of
`G5` from commit 431a259, which are known to be wrong. A name's ending tells the unit. A cell is
empty only where the column may be, and then `not_measured` says why: nothing that was not measured
is ever 0.
"""


def columns_markdown(tables: Iterable[Table]) -> str:
    """The whole document: the columns that every table has, then each table's own."""
    shared = (*columns_of(Provenance), *columns_of(RowKey))
    parts = [_HEAD, "## In every table\n", _rows(shared)]
    for table in tables:
        own = table.columns[len(shared) :]
        parts += [f"## `{table.name}.csv`\n", f"{table.title}\n", _rows(own)]
    return "\n".join(parts)


def _rows(columns: Iterable[Column]) -> str:
    lines = ["| column | kind | unit | may be empty | meaning |", "|---|---|---|---|---|"]
    for column in columns:
        empty = "yes" if column.optional else ""
        doc = column.doc.replace("|", r"\|")
        lines.append(f"| `{column.name}` | {column.kind} | {column.unit} | {empty} | {doc} |")
    return "\n".join(lines) + "\n"
