"""`python -m crossscale_results columns | validate`: the row contract from the shell."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from typing_extensions import Doc

from crossscale_results.cli import run
from crossscale_results.document import columns_markdown
from crossscale_results.errors import ResultsError
from crossscale_results.reader import has_rows, read_table
from crossscale_results.tables import all_tables
from crossscale_results.whole_file import whole_file


@dataclass(frozen=True)
class Columns:
    """Write the documentation of every column."""

    path: Annotated[Path, Doc("The Markdown file.")] = Path("results/COLUMNS.md")
    check: Annotated[bool, Doc("Only compare the file with the code.")] = False


@dataclass(frozen=True)
class Validate:
    """Read every results file and check each cell."""

    results_dir: Annotated[Path, Doc("Folder of the CSV files.")] = Path("results")


Command = (
    Annotated[Columns, tyro.conf.subcommand("columns")]
    | Annotated[Validate, tyro.conf.subcommand("validate")]
)


def columns(command: Columns) -> None:
    """Write COLUMNS.md, or raise ResultsError where it is not what the code says."""
    text = columns_markdown(all_tables())
    if not command.path.parent.is_dir():
        raise ResultsError(f"{command.path.parent} is no folder: run this in the suite's checkout")
    if not command.check:
        with whole_file(command.path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    elif not command.path.is_file() or command.path.read_bytes() != text.encode():
        raise ResultsError(
            f"{command.path} is not what the code says: run `python -m crossscale_results columns`"
        )


def validate(command: Validate) -> None:
    """Print each table's number of rows; raise ResultsError at the first bad cell."""
    if not command.results_dir.is_dir():
        raise ResultsError(f"{command.results_dir} is no folder")
    for table in all_tables():
        if has_rows(table, command.results_dir):
            print(f"{table.name}: {len(read_table(table, command.results_dir))} rows")
        else:
            print(f"{table.name}: no file")


def main() -> int:
    """Parse the command line and do what it says."""
    return run(
        Command,
        lambda command: columns(command) if isinstance(command, Columns) else validate(command),
        prog="python -m crossscale_results",
        description="The results' columns: documented, and checked in the files.",
    )


if __name__ == "__main__":
    sys.exit(main())
