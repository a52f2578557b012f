"""Figures of the ladder: a row for each rung, a panel for each batch size."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from crossscale_results.style import PALETTE, new_panels, save_figure
from module1_locality.rungs import RUNGS
from module1_locality.summary import median_and_quartiles, of_control_percent, rungs_in

_ROW_IN = 0.21  # height of a rung's row


def draw_throughput(ladder: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Training throughput of each rung as a share of its control's in the same repeat."""
    names = [name for name in rungs_in(ladder["rung"]) if not RUNGS[name].is_control]

    def panel(axes: Axes, rows: pd.DataFrame) -> None:
        axes.axvline(100, color=PALETTE["black"], linewidth=0.8)
        for y, name in enumerate(names):
            share = of_control_percent(rows, name, rows["batch_size"].iloc[0])
            _points(axes, y, share, PALETTE["blue"])
        axes.set_xlabel("of compute only [%]")

    title = "Training throughput over that of compute only: median, quartiles, raw samples"
    return _draw(ladder, names, panel, title, out_dir, "module1_throughput")


def draw_breakdown(ladder: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Stacked medians: compute alone, and what of the feeding it did not hide."""
    names = rungs_in(ladder.loc[ladder["exposed_ms"].notna(), "rung"])
    parts = (
        ("compute_only_step_ms", PALETTE["sky"], "compute only"),
        ("exposed_assembly_ms", PALETTE["vermillion"], "exposed assembly"),
        ("exposed_copy_ms", PALETTE["orange"], "exposed copy"),
        ("exposed_somehow_ms", PALETTE["yellow"], "exposed, either"),
    )

    def panel(axes: Axes, rows: pd.DataFrame) -> None:
        of_no_kind = rows["exposed_assembly_ms"].isna() & rows["exposed_copy_ms"].isna()
        rows = rows.assign(exposed_somehow_ms=rows["exposed_ms"].where(of_no_kind))
        for y, name in enumerate(names):
            of_rung = rows[rows["rung"] == name]
            end = 0.0
            for column, colour, label in parts:
                if of_rung[column].isna().all():
                    continue
                length = median_and_quartiles(of_rung[column])[0]
                if length < 0:  # within the noise of both: outlined, for it takes away from the bar
                    style: dict[str, Any] = {"fill": False, "edgecolor": colour, "hatch": "////"}
                    label = "less than compute only"
                else:
                    style = {"color": colour}
                axes.barh(y, length, 0.7, left=end, label=label, **style)
                end += length
            compute, *_ = median_and_quartiles(of_rung["compute_only_step_ms"])
            _whisker(axes, y, compute + of_rung["exposed_ms"])
            if of_rung["assembly_ms"].notna().any():
                hidden_or_not = median_and_quartiles(of_rung["assembly_ms"])[0]
                axes.plot(
                    hidden_or_not,
                    y,
                    "D",
                    color="black",
                    markersize=3,
                    label="host assembly, hidden or not",
                )
        axes.set_xlabel("time of a step [ms]")

    title = "A step: compute, and the feeding that it did not hide"
    return _draw(ladder, names, panel, title, out_dir, "module1_step_breakdown", legend=True)


def draw_assembly(assembly: pd.DataFrame, out_dir: Path) -> list[Path]:
    """GB/s of host assembly alone, beside the bound."""
    names = [*rungs_in(assembly["method"]), "memcpy"]

    def panel(axes: Axes, rows: pd.DataFrame) -> None:
        bound, low, high, _ = median_and_quartiles(
            rows.loc[rows["method"] == "memcpy", "assembled_gb_per_s"]
        )
        axes.axvspan(low, high, color=PALETTE["sky"], alpha=0.5, linewidth=0)
        axes.axvline(0.6 * bound, color=PALETTE["vermillion"], linewidth=0.8, linestyle="--")
        for y, name in enumerate(names):
            rates = rows.loc[rows["method"] == name, "assembled_gb_per_s"]
            _points(axes, y, rates, PALETTE["black" if name == "memcpy" else "blue"])
        axes.set_xscale("log")
        axes.set_xlabel("host assembly [GB/s]")

    title = "Host assembly alone; band: copying in order (memcpy), dashed: 60 % of it"
    return _draw(assembly, names, panel, title, out_dir, "module1_assembly")


def _draw(
    rows: pd.DataFrame,
    names: list[str],
    panel: Callable[[Axes, pd.DataFrame], None],
    title: str,
    out_dir: Path,
    file_name: str,
    legend: bool = False,
) -> list[Path]:
    """A panel for each batch size; the first names the rungs, from the top down."""
    sizes = sorted(rows["batch_size"].unique())
    height_in = 1.6 + _ROW_IN * len(names) + (0.5 if legend else 0.0)
    figure, all_axes = new_panels(1.6 + 1.75 * max(len(sizes), 3), height_in, len(sizes))
    for axes, size in zip(all_axes, sizes, strict=True):
        panel(axes, rows[rows["batch_size"] == size])
        axes.set_title(f"batch {size}")
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_yticks(range(len(names)), names if axes is all_axes[0] else [""] * len(names))
    if legend:
        unique = {
            label: handle
            for axes in all_axes
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            unique.values(),
            unique.keys(),
            loc="outside upper center",
            ncols=3,  # more do not fit above two panels
            title=title,
        )
    else:
        figure.suptitle(title, fontsize=9)
    return save_figure(figure, out_dir, file_name, rows)


def _points(axes: Axes, y: int, values: Any, colour: str) -> None:
    """The raw samples, their median and their quartiles."""
    measured = values.dropna().astype(float)
    if measured.empty:
        return
    axes.plot(measured, [y] * len(measured), ".", color=colour, alpha=0.35, markersize=4)
    axes.plot(median_and_quartiles(measured)[0], y, "o", color=colour, markersize=4)
    _whisker(axes, y, measured, colour)


def _whisker(axes: Axes, y: int, values: Any, colour: str = "black") -> None:
    if values.notna().any():
        middle, low, high, _ = median_and_quartiles(values)
        axes.errorbar(
            middle, y, xerr=[[middle - low], [high - middle]], color=colour, capsize=2, linewidth=1
        )
