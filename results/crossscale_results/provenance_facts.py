"""What a folder's rows say of the machines, the code and the data they came from."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from crossscale_results.reader import has_rows, read_table
from crossscale_results.tables import all_tables


@dataclass(frozen=True)
class TableFacts:
    """One table of a folder."""

    name: str
    title: str
    rows: int
    runs: int
    first_utc: str
    last_utc: str
    profiles: str
    datasets: str
    commits: str


def rows_of(results_dir: Path) -> dict[str, pd.DataFrame]:
    """Every table that is there, by name.

    Raises:
        ResultsError: rows cannot be read.
    """
    return {
        table.name: read_table(table, results_dir)
        for table in all_tables()
        if has_rows(table, results_dir)
    }


def kinds_of_cpu(rows: dict[str, pd.DataFrame]) -> tuple[str, ...]:
    """CPU models with their instruction sets, as the rows name them."""
    found = {
        f"{model} ({isa})"
        for frame in rows.values()
        for model, isa in zip(frame["cpu_model"], frame["cpu_isa"], strict=True)
    }
    return tuple(sorted(found))


def datasets(rows: dict[str, pd.DataFrame]) -> tuple[str, ...]:
    """`mitdb`, `synthetic`, as the rows name them; those that read none are left out."""
    found = {str(name) for frame in rows.values() for name in frame["dataset"]}
    return tuple(sorted(found - {"none"}))


def machines(rows: dict[str, pd.DataFrame]) -> dict[str, str]:
    """What is known of the machines behind the rows; several values are joined."""
    if not rows:
        return {}
    columns = {
        "CPU": "cpu_model",
        "vector instructions": "cpu_isa",
        "cores that could be used": "cores_count",
        "threads inside an operator": "threads_count",
        "accelerator": "accelerator",
        "machine (anonymous)": "machine_id",
        "dataset": "dataset",
        "Python": "python_version",
        "torch": "torch_version",
        "MPI": "mpi_version",
        "CrossScale-ECG": "suite_version",
    }
    return {
        name: _joined(*(frame[column] for frame in rows.values()))
        for name, column in columns.items()
    }


def facts(rows: dict[str, pd.DataFrame]) -> list[TableFacts]:
    """One line for each table."""
    titles = {table.name: table.title for table in all_tables()}
    return [
        TableFacts(
            name,
            titles[name],
            len(frame),
            frame["run_id"].nunique(),
            str(frame["time_utc"].min()),
            str(frame["time_utc"].max()),
            _joined(frame["profile"]),
            _joined(frame["dataset"]),
            _joined(frame["git_revision"])
            + (" with local changes" if frame["git_dirty"].any() else ""),
        )
        for name, frame in rows.items()
    ]


def _joined(*columns: pd.Series) -> str:
    values = {str(value) for column in columns for value in column.unique()}
    if len(values) > 1:
        values.discard("none")  # tables that have nothing to do with it
    return ", ".join(sorted(values))
