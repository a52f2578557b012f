"""The wire formats' figure: what an average takes, what it sends, and how wrong it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes

from crossscale_results.style import COLOURS, MARKERS, new_figure, save_figure
from module3_mpi_gpu_overlap.quartiles import draw_quartiles
from module3_mpi_gpu_overlap.selection import profile_rows
from module3_mpi_gpu_overlap.wire_columns import WIRE

if TYPE_CHECKING:
    from pandas.core.groupby import SeriesGroupBy

ALLREDUCE = "MPI_Allreduce"
_COLOURS = (COLOURS[-1], *COLOURS[:-1])  # black for it, then a colour for each format


def draw_wire(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw it where there are rows of more than one rank; the files that were written.

    Shown is the largest world that had a core for every rank; else the smallest one.
    """
    rows = profile_rows(WIRE, results_dir)
    if rows is None or not (rows["world_size"] > 1).any():
        return []
    rows = rows[rows["world_size"] > 1]
    trusted = rows[~rows["oversubscribed"]]
    world = trusted["world_size"].max() if len(trusted) else rows["world_size"].min()
    rows = rows[rows["world_size"] == world]
    figure, (times, sizes) = new_figure(width_in=7.0, height_in=3.6, columns=2)
    _times(times, rows)
    _bytes(sizes, rows)
    crowded = ", more ranks than cores" if rows["oversubscribed"].any() else ""
    times.set_title(f"One average, {world} ranks{crowded}")
    sizes.set_title("Bytes received, and error")
    handles, names = times.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=6, fontsize=8)
    return save_figure(figure, out_dir, "module3_wire", rows)


def _times(axes: Axes, rows: pd.DataFrame) -> None:
    """Median and quartiles of the time for each number over the vector's size, by format."""
    allreduce = rows.drop_duplicates(["run_id", "elements_count", "sample_index"])
    lines = {ALLREDUCE: _ns_each(allreduce, "allreduce_ms")}
    for wire, own in rows.groupby("wire", sort=False):
        lines[str(wire)] = _ns_each(own, "average_ms")
    for (name, groups), colour, marker in zip(lines.items(), _COLOURS, MARKERS, strict=False):
        style = "--" if name == ALLREDUCE else "-"
        draw_quartiles(axes, groups, color=colour, marker=marker, linestyle=style, label=name)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("numbers averaged")
    axes.set_ylabel("ns a number (median, quartiles)")


def _ns_each(rows: pd.DataFrame, column: str) -> "SeriesGroupBy[float, Any]":
    """Time for each number, by the vector's size."""
    elements = rows["elements_count"].astype(float)
    return (rows[column].astype(float) * 1e6 / elements).groupby(rows["elements_count"])


def _bytes(axes: Axes, rows: pd.DataFrame) -> None:
    """Bytes of the largest vector relative to float32's, by format, each with its error."""
    largest = rows[rows["elements_count"] == rows["elements_count"].max()]
    by_wire = largest.groupby("wire", sort=False)[["received_bytes", "error_ratio"]].first()
    megabytes = by_wire["received_bytes"] / 1e6
    places = range(len(by_wire))
    axes.bar(places, megabytes, 0.7, color=_COLOURS[1 : len(by_wire) + 1])
    for place, size, error in zip(places, megabytes, by_wire["error_ratio"], strict=True):
        axes.annotate(
            f"{error:.0e}",
            (place, size),
            ha="center",
            va="bottom",
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xticks(list(places), list(by_wire.index))
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.12)
    count = int(largest["elements_count"].iloc[0])
    axes.set_ylabel(f"a rank's, for {count:,} numbers (MB)")
    axes.set_xlabel("wire format, its relative error above")
