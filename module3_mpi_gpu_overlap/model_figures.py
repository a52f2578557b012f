"""The cost model's figures: against what was measured, with residuals, and projected."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crossscale_results.style import COLOURS, MARKERS, PALETTE, new_panels, save_figure
from module3_mpi_gpu_overlap.collective_costs import FLOAT_BYTES
from module3_mpi_gpu_overlap.model_columns import MODEL, WITHIN_PERCENT
from module3_mpi_gpu_overlap.selection import last_run, profile_rows

PROJECTED_FLOATS = 1_000_000
FILL = {"calibration": "none", "held out": "full"}


def draw_model(results_dir: Path, out_dir: Path) -> list[Path]:
    """Both figures of the model that was fitted last; [] without rows."""
    rows = profile_rows(MODEL, results_dir)
    if rows is None:
        return []
    rows = last_run(rows)
    measured = rows[rows["kind"] != "projection"]
    paths = draw_residuals(measured, out_dir) if len(measured) else []
    projection = rows[
        (rows["kind"] == "projection") & (rows["message_bytes"] == FLOAT_BYTES * PROJECTED_FLOATS)
    ]
    return paths + (draw_projection(projection, out_dir) if len(projection) else [])


def draw_residuals(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Predicted over measured, and the error by world size; open markers were fitted."""
    figure, (pairs, errors) = new_panels(7.0, 4.0, 2)
    algorithms = sorted(rows["algorithm"].unique())
    for i, algorithm in enumerate(algorithms):
        for kind, fill in FILL.items():
            own = rows[(rows["algorithm"] == algorithm) & (rows["kind"] == kind)]
            style: dict[str, Any] = {
                "marker": MARKERS[i],
                "color": COLOURS[i],
                "linestyle": "none",
                "fillstyle": fill,
                "markersize": 4,
            }
            pairs.plot(own["measured_s"] * 1e3, own["predicted_s"] * 1e3, **style)
            shift = 0.16 * (i - (len(algorithms) - 1) / 2)
            errors.plot(own["world_size"] + shift, own["error_percent"], **style)
        pairs.plot([], [], marker=MARKERS[i], color=COLOURS[i], linestyle="none", label=algorithm)
    ends = np.array([rows["measured_s"].min(), rows["measured_s"].max()], float) * 1e3
    pairs.plot(ends, ends, color=PALETTE["black"], linewidth=0.8)
    pairs.set_xscale("log")
    pairs.set_yscale("log")
    pairs.set_xlabel("measured (ms, median)")
    pairs.set_ylabel("predicted (ms)")
    pairs.set_title("Model against measurement")
    _shade_bar(errors)
    note = "open: fitted, full: held out"
    if rows["oversubscribed"].any():
        first = int(rows[rows["oversubscribed"]]["world_size"].min())
        errors.axvline(first - 0.5, color=PALETTE["black"], linewidth=0.8, linestyle=":")
        note += "; right of the dotted line: more ranks than cores"
    errors.set_xlabel("ranks")
    errors.set_ylabel("predicted over measured, minus 1 (%)")
    errors.set_title("Residuals")
    handles, names = pairs.get_legend_handles_labels()
    figure.legend(
        *(handles, names),
        loc="outside upper center",
        ncols=len(names),
        fontsize=8,
        title=note,
        title_fontsize=8,
    )
    return save_figure(figure, out_dir, "module3_model", rows)


def draw_projection(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """What the algorithms would take on up to 4,096 ranks, a panel for each network."""
    networks = list(dict.fromkeys(rows["network"]))
    figure, panels = new_panels(2.1 * len(networks) + 0.9, 3.8, len(networks))
    algorithms = sorted(rows["algorithm"].unique())
    for axes, network in zip(panels, networks, strict=True):
        own = rows[rows["network"] == network]
        for i, algorithm in enumerate(algorithms):
            line = own[own["algorithm"] == algorithm].sort_values("world_size")
            axes.plot(
                *(line["world_size"], line["predicted_s"]),
                color=COLOURS[i],
                marker=MARKERS[i],
                markersize=3,
                linestyle="--",
                label=algorithm,
            )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_title(str(network).replace(": ", ":\n"), fontsize=8)
        axes.set_xlabel("ranks (3,000: a step)")
    panels[0].set_ylabel(f"Allreduce of {PROJECTED_FLOATS:,} numbers (s)")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(
        *(handles, names),
        loc="outside upper center",
        ncols=3,
        fontsize=8,
        title="PROJECTION: the cost model's numbers, nothing here was measured",
        title_fontproperties={"weight": "bold", "size": 9},
    )
    return save_figure(figure, out_dir, "module3_projection", rows)


def _shade_bar(axes: Axes) -> None:
    axes.axhspan(-WITHIN_PERCENT, WITHIN_PERCENT, color=PALETTE["green"], alpha=0.12, linewidth=0)
    axes.axhline(0, color=PALETTE["black"], linewidth=0.8)
    axes.set_yscale("symlog", linthresh=WITHIN_PERCENT)
    ticks = (-100, -50, -WITHIN_PERCENT, 0, WITHIN_PERCENT, 50, 100, 500)
    axes.set_yticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks])
    axes.minorticks_off()
