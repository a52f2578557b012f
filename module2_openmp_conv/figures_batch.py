"""Figures by batch size: speed-up in the paper's grid, and throughput."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crossscale_results.style import COLOURS, MARKERS, new_figure, new_panels, save_figure
from module2_openmp_conv.contestants import TORCHS
from module2_openmp_conv.grid import BATCH
from module2_openmp_conv.speedup import papers_grid, speedups, whole_team

# In and out channels, kernel width: the paper's layer, and a small classifier's two.
_LAYERS = ((1, 1, 5), (1, 16, 7), (16, 16, 5))
_QUARTILES = np.array([0.25, 0.5, 0.75])
_LINES = {
    "torch": ("torch",),
    "best of torch": TORCHS,
    "crossscale": ("crossscale",),
    "crossscale, out=": ("crossscale_out",),
    "the paper's method": ("taps_loop",),
}


def draw_speedups(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """One channel to one: speed-up over torch by batch size and kernel width."""
    rows = papers_grid(rows)
    if rows.empty:
        return []
    figure, (axes_default, axes_best) = new_figure(width_in=6.5, height_in=3.4, columns=2)
    for axes, against, title in (
        (axes_default, ("torch",), "over F.conv1d"),
        (axes_best, TORCHS, "over the best of torch"),
    ):
        cells = speedups(rows, against)
        for series, (width, part) in enumerate(cells.groupby("kernel_width")):
            part = part.sort_values("batch_size")
            median = part["median"].astype(float)
            errors = [median - part["low"].astype(float), part["high"].astype(float) - median]
            axes.errorbar(
                part["batch_size"].astype(float) * (1 + 0.03 * (series - 1)),
                median,
                yerr=errors,
                label=f"kernel {width}",
                color=COLOURS[series],
                marker=MARKERS[series],
                markersize=4,
                capsize=2,
            )
        axes.axhline(1, color="#444444", linewidth=0.8)
        axes.set_ylim(bottom=0)
        axes.set_title(title)
        _by_batch(axes, cells["batch_size"])
    axes_default.set_ylabel("speed-up of crossscale\n(median, quartiles)")
    handles, labels = axes_default.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return save_figure(figure, out_dir, "module2_speedup", rows)


def draw_throughput(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Windows a second by batch size, for layers with at least two batch sizes."""
    rows = whole_team(rows)
    rows = rows[
        (rows["operation"] == "forward")
        & (rows["length"] == BATCH[0].length)
        & (rows["dilation"] == 1)
        & (rows["groups"] == 1)
    ]
    parts = {layer: _of_layer(rows, *layer) for layer in _LAYERS}
    parts = {layer: part for layer, part in parts.items() if part["batch_size"].nunique() > 1}
    if not parts:
        return []
    figure, all_axes = new_panels(max(4.5, 2.6 * len(parts)), 3.8, len(parts))
    for axes, ((inputs, outputs, width), part) in zip(all_axes, parts.items(), strict=True):
        _throughput(axes, part)
        axes.set_title(f"{inputs}→{outputs}, kernel {width}")
        _by_batch(axes, part["batch_size"])
    all_axes[0].set_ylabel("million windows a second\n(median, quartiles)")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), fontsize=8)
    return save_figure(figure, out_dir, "module2_throughput", pd.concat(parts.values()))


def _of_layer(rows: pd.DataFrame, inputs: int, outputs: int, width: int) -> pd.DataFrame:
    return rows[
        (rows["in_channels"] == inputs)
        & (rows["out_channels"] == outputs)
        & (rows["kernel_width"] == width)
    ]


def _throughput(axes: Axes, part: pd.DataFrame) -> None:
    for series, (label, members) in enumerate(_LINES.items()):
        there = part[part["contestant"].isin(members)]
        times = there.groupby(["batch_size", "contestant"])["call_us"].quantile(_QUARTILES)
        if times.empty:
            continue
        by_contestant = times.unstack().astype(float)
        best = by_contestant.loc[by_contestant[0.5].groupby("batch_size").idxmin()]
        batch = best.index.get_level_values("batch_size").to_numpy(float)
        low, median, high = (batch / best[q].to_numpy() for q in (0.75, 0.5, 0.25))
        look: dict[str, Any] = {"color": COLOURS[series], "marker": MARKERS[series]}
        look |= {"markersize": 4, "capsize": 2, "label": label}
        axes.errorbar(batch, median, yerr=[median - low, high - median], **look)
    axes.set_yscale("log")


def _by_batch(axes: Axes, sizes: "pd.Series") -> None:
    axes.set_xscale("log", base=2)
    batches = sorted(int(size) for size in sizes.unique())
    axes.set_xticks(batches, labels=[str(batch) for batch in batches])
    axes.minorticks_off()
    axes.set_xlabel("batch size")
