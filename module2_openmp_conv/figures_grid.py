"""Figures over the grid: speed-up by channels and kernel width, and thread scaling."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crossscale_results.style import COLOURS, MARKERS, new_figure, new_panels, save_figure
from module2_openmp_conv.grid import CHANNELS_BY_WIDTH, LAYERS, WIDTHS, Layer
from module2_openmp_conv.speedup import CELL, named, speedups, whole_team

_TITLES = {
    "forward": "forward",
    "input_gradient": "gradient of the input",
    "weight_gradient": "gradient of the weight",
}
_FURTHEST = 2.0  # octaves from 1 that colours tell apart


def draw_heat_map(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Speed-up over the best of torch by channels and kernel width, a panel an operation."""
    base = CHANNELS_BY_WIDTH[0]
    rows = whole_team(rows)
    rows = rows[
        (rows["batch_size"] == base.batch_size)
        & (rows["length"] == base.length)
        & (rows["dilation"] == 1)
        & (rows["out_channels"] > 1)
    ]
    panels = {name: rows[rows["operation"] == name] for name in _TITLES}
    panels = {name: part for name, part in panels.items() if not part.empty}
    if not panels:
        return []
    figure, all_axes = new_panels(1.3 + 2.4 * len(panels), 3.6, len(panels))
    for axes, (name, part) in zip(all_axes, panels.items(), strict=True):
        image = _heat_map(axes, speedups(part))
        axes.set_title(_TITLES[name])
    for axes in all_axes[1:]:
        axes.set_yticklabels([])
    bar = figure.colorbar(image, ax=all_axes, shrink=0.8, pad=0.02, extend="both")
    bar.set_ticks([-2, -1, 0, 1, 2], labels=["¼", "½", "1", "2", "4"])
    bar.set_label("times as fast as the best of torch")
    return save_figure(figure, out_dir, "module2_heatmap", pd.concat(panels.values()))


def draw_scaling(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Throughput on more threads over the same contestant's on one."""
    rows = rows[(rows["cache"] == "warm") & (rows["operation"] == "forward")]
    layer = [name for name in CELL if name != "threads"]
    counts = rows.groupby(layer)["threads"].transform("nunique")
    rows = rows[counts > 1]
    if rows.empty:
        return []
    figure, all_axes = new_figure(width_in=6.5, height_in=3.6, columns=2)
    most = int(rows["threads"].max())
    for axes, name in zip(all_axes, ("crossscale", "torch"), strict=True):
        part = rows[rows["contestant"] == name]
        for series, (_, cells) in enumerate(part.groupby(layer)):
            times = cells.groupby("threads")["call_us"].median().astype(float)
            axes.plot(
                times.index.to_numpy(int),
                times.loc[1] / times.to_numpy(),
                label=named(cells.iloc[0]),
                color=COLOURS[series % len(COLOURS)],
                marker=MARKERS[series % len(MARKERS)],
                markersize=4,
            )
        axes.plot([1, most], [1, most], color="#444444", linewidth=0.8, linestyle="--")
        axes.set_title(name)
        axes.set_xlabel("threads")
        axes.set_xticks(sorted(int(count) for count in rows["threads"].unique()))
        axes.set_ylim(0, 1.1 * most)
    all_axes[0].set_ylabel("times as fast as on one thread\n(medians; dashed: ideal)")
    all_axes[0].legend(loc="lower right", fontsize=7)
    return save_figure(figure, out_dir, "module2_scaling", rows)


def _heat_map(axes: Axes, cells: pd.DataFrame) -> Any:
    values = np.full((len(LAYERS), len(WIDTHS)), np.nan)
    for _, cell in cells.iterrows():
        layer = Layer(cell["in_channels"], cell["out_channels"], cell["groups"])
        if layer in LAYERS and cell["kernel_width"] in WIDTHS:
            values[LAYERS.index(layer), WIDTHS.index(cell["kernel_width"])] = cell["median"]
    image = axes.imshow(
        np.log2(values), cmap="PuOr", vmin=-_FURTHEST, vmax=_FURTHEST, aspect="auto"
    )
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            pale = abs(np.log2(value)) < 1.2
            axes.text(
                column,
                row,
                f"{value:.2g}" if value < 10 else f"{value:.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color="black" if pale else "white",
            )
    axes.grid(visible=False)
    axes.set_xticks(range(len(WIDTHS)), labels=[str(width) for width in WIDTHS])
    axes.set_yticks(range(len(LAYERS)), labels=[_layer_name(layer) for layer in LAYERS])
    axes.set_xlabel("kernel width")
    return image


def _layer_name(layer: Layer) -> str:
    depthwise = "\ndepthwise" if layer.groups > 1 else ""
    return f"{layer.in_channels}→{layer.out_channels}{depthwise}"
