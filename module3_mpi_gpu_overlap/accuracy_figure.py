"""Accuracy over rounds, and over what was sent for it."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from crossscale_results.style import COLOURS, MARKERS, new_figure, save_figure
from module3_mpi_gpu_overlap.accuracy_summary import CENTRAL, TEST_SET, scored


def draw_accuracy(results_dir: Path, out_dir: Path) -> list[Path]:
    """Mean and range of macro-F1 over the seeds, by federation; [] without rows."""
    rows = scored(results_dir)
    if rows is None or rows.empty:
        return []
    figure, (over_rounds, over_bytes) = new_figure(7.0, 4.0, 2)
    for i, (name, own) in enumerate(rows.groupby("federation", sort=False)):
        by_round = own.groupby("round_index")
        score = by_round["macro_4_f1"].agg(["mean", "min", "max"]).astype(float)
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        places: list[tuple[Axes, pd.Index | pd.Series]] = [(over_rounds, score.index + 1)]
        if name == CENTRAL:
            over_bytes.axhline(score["mean"].iloc[-1], color=colour, linestyle=":")
        else:
            places.append((over_bytes, by_round["sent_bytes"].first().astype(float) / 1e6))
        for axes, place in places:
            label = f"{name} (n = {own['seed'].nunique()})"
            axes.plot(place, score["mean"], color=colour, marker=marker, markersize=4, label=label)
            axes.fill_between(place, score["min"], score["max"], color=colour, alpha=0.12)
    over_rounds.set_xscale("log", base=2)
    over_rounds.xaxis.set_major_formatter(ScalarFormatter())
    over_rounds.set_xlabel("rounds")
    over_rounds.set_ylabel(f"macro-F1 of N, S, V, F on {TEST_SET}")
    over_rounds.set_title("Over rounds")
    over_bytes.set_xscale("log", base=2)
    over_bytes.xaxis.set_major_formatter(ScalarFormatter())
    over_bytes.set_xlabel("MB that a rank handed to the averages")
    over_bytes.set_title("Over bytes (dotted: central)")
    handles, names = over_rounds.get_legend_handles_labels()
    figure.legend(
        *(handles, names),
        loc="outside upper center",
        ncols=5,
        fontsize=8,
        title="mean and range of n seeds",
        title_fontsize=8,
    )
    return save_figure(figure, out_dir, "module3_accuracy", rows)
