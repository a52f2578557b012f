"""Figures of module 2, each from the last run that has rows for it."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from crossscale_results import read_table
from crossscale_results.reader import has_rows
from crossscale_results.style import COLOURS, MARKERS, new_figure, save_figure
from module2_openmp_conv.bars import machine_of
from module2_openmp_conv.columns import CONVOLUTION_TABLE, TRAINING_TABLE
from module2_openmp_conv.figures_batch import draw_speedups, draw_throughput
from module2_openmp_conv.figures_grid import draw_heat_map, draw_scaling
from module2_openmp_conv.figures_roofline import draw_roofline
from module2_openmp_conv.speedup import latest_run


def draw(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw what there are rows for, from each table's last run; the files written."""
    paths = []
    if has_rows(CONVOLUTION_TABLE, results_dir):
        rows = latest_run(read_table(CONVOLUTION_TABLE, results_dir))
        for draw_one in (draw_speedups, draw_throughput, draw_heat_map, draw_scaling):
            paths += draw_one(rows, out_dir)
        machine = machine_of(rows, results_dir)
        paths += [] if machine is None else draw_roofline(rows, machine, out_dir)
    if has_rows(TRAINING_TABLE, results_dir):
        rows = latest_run(read_table(TRAINING_TABLE, results_dir))
        paths += draw_training(rows, out_dir)
    return paths


def draw_training(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Epoch time and DS2 macro-F1 by epoch, for each kernel."""
    figure, (axes_time, axes_score) = new_figure(width_in=6.5, height_in=3.2, columns=2)
    for series, (kernel, part) in enumerate(rows.groupby("kernel")):
        part = part.sort_values("epoch")
        look = {"color": COLOURS[series], "marker": MARKERS[series], "markersize": 7 - 1.5 * series}
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
    figure.legend(loc="outside upper center", ncols=rows["kernel"].nunique())
    return save_figure(figure, out_dir, "module2_training", rows)
