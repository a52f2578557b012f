"""The roofline: what each kernel reaches, below what the machine was measured to do at most."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter

from crossscale_results.style import COLOURS, MARKERS, label_decades, new_panels, save_figure
from module2_openmp_conv.roofline import Roof, roofs, shares
from module2_openmp_conv.speedup import from_taps, whole_team

_PANELS = {
    "forward": ("torch", "crossscale", "crossscale_out"),
    "gradients": ("torch", "crossscale"),
}
_PEAK_STYLES: tuple[Any, ...] = (":", "-.", (0, (1, 4)))
_OPERATIONS = {"forward": ["forward"], "gradients": ["input_gradient", "weight_gradient"]}


def draw_roofline(rows: pd.DataFrame, machine: pd.DataFrame, out_dir: Path) -> list[Path]:
    """GFLOP/s over multiply-adds per byte, forward and gradients, on all threads of the run.

    Ours are those from the taps: products of spectra need fewer operations than are counted.

    Args:
        rows: rows of the convolution table, of one run.
        machine: rows of the machine table, of the same run.
        out_dir: folder of the files.
    """
    rows = from_taps(whole_team(rows))
    rows = rows[rows["length"] > 8]
    panels = {name: rows[rows["operation"].isin(found)] for name, found in _OPERATIONS.items()}
    panels = {name: part for name, part in panels.items() if not part.empty}
    all_roofs = roofs(machine)
    threads = int(rows["threads"].max()) if len(rows) else 0
    if not panels or threads not in all_roofs:
        return []
    figure, all_axes = new_panels(max(4.5, 3.4 * len(panels)), 4.2, len(panels))
    for axes, (name, part) in zip(all_axes, panels.items(), strict=True):
        points = shares(part, machine)
        for series, contestant in enumerate(_PANELS[name]):
            own = points[points["contestant"] == contestant]
            axes.plot(
                own["flop_per_byte"].astype(float),
                own["gflop_per_s"].astype(float),
                linestyle="none",
                marker=MARKERS[series],
                markersize=4,
                color=COLOURS[series],
                alpha=0.7,
                label=f"{contestant}, from taps" if contestant != "torch" else contestant,
            )
        _roof(axes, all_roofs[threads], points)
        axes.set_title(name)
        axes.set_xlabel("operations per byte moved")
    all_axes[0].set_ylabel("GFLOP/s (median)")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=7.5)
    return save_figure(figure, out_dir, "module2_roofline", pd.concat(panels.values()))


def _roof(axes: Axes, roof: Roof, points: pd.DataFrame) -> None:
    least = 0.6 * float(points["flop_per_byte"].min())
    most = 1.6 * float(points["flop_per_byte"].max())
    highest = max(roof.peaks.values())
    intensity = np.geomspace(least, most, 200)
    line: dict[str, Any] = {"color": "#444444", "linewidth": 1.2}
    streams = {"memory": (roof.memory_gb_per_s, "-")}
    if roof.streams:
        size = min(roof.streams)
        streams[f"{size >> 20} MiB in caches"] = (roof.streams[size], "--")
    for name, (rate, style) in streams.items():
        reached = np.minimum(highest, rate * intensity)
        axes.plot(intensity, reached, linestyle=style, label=f"{name}, {rate:.0f} GB/s", **line)
    for (name, value), style in zip(_levels(roof), _PEAK_STYLES, strict=False):
        label = f"peak of {name}, {value:.0f} GFLOP/s"
        axes.axhline(value, linestyle=style, label=label, **line)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(least, most)
    label_decades(axes, FormatStrFormatter("%g"))
    axes.set_ylim(0.5 * float(points["gflop_per_s"].min()), 2 * highest)


def _levels(roof: Roof) -> list[tuple[str, float]]:
    """Peaks that lie apart, the highest first; those within 5 % share a line."""
    levels: list[tuple[str, float]] = []
    for isa, value in sorted(roof.peaks.items(), key=lambda item: -item[1]):
        if levels and value > 0.95 * levels[-1][1]:
            levels[-1] = (f"{levels[-1][0]}, {isa}", levels[-1][1])
        else:
            levels.append((isa, value))
    return levels
