"""Figures of module 2: speed-up over torch's best, and epochs with either kernel."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from crossscale_results import read_table
from crossscale_results.style import COLOURS, MARKERS, new_figure, save_figure
from module2_openmp_conv.columns import CONVOLUTION_TABLE, TRAINING_TABLE
from module2_openmp_conv.speedup import latest_run, speedups


def draw(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw what there are rows for, from each table's last run; the files written."""
    paths = []
    if (results_dir / f"{CONVOLUTION_TABLE.name}.csv").is_file():
        rows = latest_run(read_table(CONVOLUTION_TABLE, results_dir))
        paths += draw_speedups(rows, out_dir)
    if (results_dir / f"{TRAINING_TABLE.name}.csv").is_file():
        rows = latest_run(read_table(TRAINING_TABLE, results_dir))
        paths += draw_training(rows, out_dir)
    return paths


def draw_speedups(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """One channel to one: speed-up over torch's best by batch size and kernel width."""
    rows = rows[(rows["in_channels"] == 1) & (rows["out_channels"] == 1)]
    if rows.empty:
        return []
    figure, (axes_default, axes_best) = new_figure(width_in=6.5, height_in=3.4, columns=2)
    for axes, against, title in (
        (axes_default, ("torch",), "over F.conv1d"),
        (axes_best, None, "over the best of torch"),
    ):
        cells = speedups(rows, against) if against else speedups(rows)
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
        axes.set_xscale("log", base=2)
        batches = sorted(int(batch) for batch in cells["batch_size"].unique())
        axes.set_xticks(batches, labels=[str(batch) for batch in batches])
        axes.set_ylim(bottom=0)
        axes.set_xlabel("batch size")
        axes.set_title(title)
    axes_default.set_ylabel("speed-up of crossscale\n(median, quartiles)")
    axes_default.legend()
    return save_figure(figure, out_dir, "module2_speedup", rows)


def draw_training(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Epoch time and DS2 macro-F1 by epoch, for each kernel."""
    figure, (axes_time, axes_score) = new_figure(width_in=6.5, height_in=3.2, columns=2)
    for series, (kernel, part) in enumerate(rows.groupby("kernel")):
        part = part.sort_values("epoch")
        look = {"color": COLOURS[series], "marker": MARKERS[series], "markersize": 7 - 3 * series}
        epochs = part["epoch"].astype(int) + 1
        axes_time.plot(epochs, part["epoch_s"].astype(float), label=kernel, **look)
        macro_f1 = part["macro_4_f1"].to_numpy(float, na_value=np.nan)
        axes_score.plot(epochs, macro_f1, **look)
    axes_time.set_ylim(0, 1.15 * float(rows["epoch_s"].max()))
    axes_score.set_ylim(0, 1)
    axes_time.set_ylabel("epoch (s)")
    axes_score.set_ylabel("macro-F1 of N, S, V, F on DS2")
    for axes in (axes_time, axes_score):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes_time.legend(title="convolutions", loc="lower right")
    return save_figure(figure, out_dir, "module2_training", rows)
