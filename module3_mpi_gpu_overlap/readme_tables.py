"""`python -m module3_mpi_gpu_overlap.readme_tables`: the README's tables of wires and privacy."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
from typing_extensions import Doc

from crossscale_results.cli import run
from module3_mpi_gpu_overlap.columns import PRIVACY, WIRE
from module3_mpi_gpu_overlap.selection import profile_rows

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class ReadmeTables:
    """Whose rows are shown."""

    results_dir: Annotated[Path, Doc("Folder of the CSV files; their last run counts.")] = Path(
        "results"
    )


def wire_table(results_dir: Path) -> str:
    """By format, in the smallest world at the most numbers: bytes, error, the average's time."""
    rows = profile_rows(WIRE, results_dir)
    if rows is None:
        return NOT_MEASURED
    for column, shown in (("world_size", min), ("elements_count", max)):
        rows = rows[rows[column] == shown(rows[column])]
    first = rows.iloc[0]
    numbers, ranks = f"{int(first['elements_count']):,}", int(first["world_size"])
    formats = rows.groupby("wire", sort=False)
    lines = [
        (
            f"| format | bytes of {numbers} numbers | times fewer | error of one average "
            f"| an average, {ranks} ranks | encoding |"
        ),
        "|---|---|---|---|---|---|",
    ]
    full = float(formats["payload_bytes"].first()["float32"])
    for name in formats.groups:
        own = formats.get_group(name)
        payload = float(own["payload_bytes"].iloc[0])
        lines.append(
            f"| `{name}` | {payload / 1e6:.2f} MB | {full / payload:.2f} "
            f"| {own['error_ratio'].median():.1e} | {_ms(own, 'average_ms')} "
            f"| {_ms(own, 'encode_ms')} |"
        )
    alone, copy = _ms(rows, "allreduce_ms"), _ms(rows, "copy_ms")
    lines.append(f"| `MPI_Allreduce` | {full / 1e6:.2f} MB | 1.00 | | {alone} | (a copy: {copy}) |")
    return "\n".join([*lines, "", f"Medians of {len(formats.get_group('float32'))} averages."])


def privacy_table(results_dir: Path) -> str:
    """By clients, at the most numbers: what a client and the server compute, and what is sent."""
    rows = profile_rows(PRIVACY, results_dir)
    if rows is None:
        return NOT_MEASURED
    rows = rows[rows["elements_count"] == rows["elements_count"].max()]
    numbers = f"{int(rows['elements_count'].iloc[0]):,}"
    lines = [
        (
            f"| {numbers} numbers | a client masks | the server unmasks, all there | with as many "
            "dropped as may | in the clear | a client sends |"
        ),
        "|---|---|---|---|---|---|",
    ]
    for clients, own in rows.groupby("clients_count"):
        whole = own[own["dropped_count"] == 0]
        fewest = own[own["dropped_count"] == own["dropped_count"].max()]
        dropped = int(fewest["dropped_count"].iloc[0])
        sent, plain = (int(own[column].iloc[0]) for column in ("upload_bytes", "plain_bytes"))
        lines.append(
            f"| {clients} clients | {_ms(whole, 'mask_ms')} | {_ms(whole, 'unmask_ms')} "
            f"| {_ms(fewest, 'unmask_ms')} ({dropped}) | {_ms(whole, 'plain_sum_ms')} "
            f"| {sent:,} bytes of {plain:,} |"
        )
    most = rows[rows["clients_count"] == rows["clients_count"].max()]
    count = int(rows["sample_index"].nunique())
    lines += [
        "",
        (
            f"Keys and shares take each of {int(most['clients_count'].iloc[0])} clients "
            f"{_ms(most, 'share_ms')} more; clipping takes {_ms(rows, 'clip_ms')}, noise "
            f"{_ms(rows, 'noise_ms')}. Computing only, medians of {count}."
        ),
    ]
    return "\n".join(lines)


def _ms(rows: pd.DataFrame, column: str) -> str:
    return f"{rows[column].astype(float).median():.3g} ms"


def show(config: ReadmeTables) -> None:
    """Print both tables.

    Raises:
        ResultsError: rows cannot be read.
    """
    print(f"{wire_table(config.results_dir)}\n\n{privacy_table(config.results_dir)}")


if __name__ == "__main__":
    sys.exit(
        run(ReadmeTables, show, "python -m module3_mpi_gpu_overlap.readme_tables", __doc__ or "")
    )
