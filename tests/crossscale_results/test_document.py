"""The columns' documentation names every column, and the checkout's copy is what the code says."""

from dataclasses import make_dataclass
from pathlib import Path
from typing import Annotated, Any

from typing_extensions import Doc

from crossscale_results.columns import columns_of
from crossscale_results.document import columns_markdown
from crossscale_results.provenance import Provenance
from crossscale_results.table import RowKey, Table
from crossscale_results.tables import all_tables

CHECKOUT = Path(__file__).parents[2]


def sections(text: str) -> dict[str, list[list[str]]]:
    """The cells of each table's lines, by the heading they stand under."""
    found: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("## "):
            rows = found.setdefault(line[3:], [])
        elif line.startswith("| `"):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def test_every_column_of_every_table_is_listed_in_order() -> None:
    found = sections(columns_markdown(all_tables()))
    shared = [row[0].strip("`") for row in found["In every table"]]
    assert shared == [column.name for column in (*columns_of(Provenance), *columns_of(RowKey))]
    for table in all_tables():
        own = [row[0].strip("`") for row in found[f"`{table.name}.csv`"]]
        assert [*shared, *own] == list(table.header)
    assert len(found) == 1 + len(all_tables())


def test_a_line_tells_kind_unit_and_meaning(toy: Any) -> None:
    own = sections(columns_markdown([toy.TOY]))["`toy.csv`"]
    assert own[0] == ["`kernel`", "str", "", "", "Name of the kernel."]
    assert own[5] == ["`other_step_s`", "float", "s", "yes", "Time of another step."]
    assert own[6] == ["`moved_bytes`", "int", "bytes", "yes", "Bytes moved."]


def test_a_tables_title_stands_over_its_columns(toy: Any) -> None:
    assert "## `toy.csv`\n\nOne step.\n\n| column " in columns_markdown([toy.TOY])


def test_a_bar_in_a_meaning_stays_in_its_cell(toy: Any) -> None:
    barred = make_dataclass("Barred", [("mode", Annotated[str, Doc("`a` | `b`.")])])
    text = columns_markdown([Table("barred", "One.", barred, toy.ToyMeasurement)])
    assert r"| `mode` | str |  |  | `a` \| `b`. |" in text


def test_the_checkouts_document_is_what_the_code_says() -> None:
    written = (CHECKOUT / "results" / "COLUMNS.md").read_text(encoding="utf-8")
    assert written == columns_markdown(all_tables()), "run `python -m crossscale_results columns`"
