"""One figure of all three modules: what the paper claims of each, and what was found."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from crossscale_results.style import COLOURS, MARKERS, PALETTE, new_figure, save_figure
from module1_locality.claims import PAPER_PERCENT
from module1_locality.columns import LADDER_TABLE
from module1_locality.summary import (
    ceiling_percent,
    gain_percent,
    latest_rows,
    median_and_quartiles,
)
from module2_openmp_conv.claims import CLAIMED_HIGH, CLAIMED_LOW
from module2_openmp_conv.columns import CONVOLUTION_TABLE
from module2_openmp_conv.contestants import REWRITES, TORCHS
from module2_openmp_conv.speedup import papers_grid, speedups
from module3_mpi_gpu_overlap.claims import MODE
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.figures import PARTS
from module3_mpi_gpu_overlap.selection import per_round, profile_rows

_RIVALS = {
    "over F.conv1d": ("torch",),
    "over torch's best": TORCHS,
    "rewrites included": (*TORCHS, *REWRITES),
}


def draw(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw it where all three modules have rows; the files that were written."""
    ladder = latest_rows(LADDER_TABLE, results_dir)
    convolution = latest_rows(CONVOLUTION_TABLE, results_dir)
    rounds = profile_rows(ROUNDS, results_dir, "bench")
    if ladder is None or convolution is None or rounds is None:
        return []
    grid, rounds = papers_grid(convolution), rounds[rounds["mode"] == MODE]
    if grid.empty or rounds.empty:
        return []
    figure, (feeding, kernels, federation) = new_figure(width_in=7.2, height_in=2.9, columns=3)
    _draw_feeding(feeding, ladder)
    _draw_kernels(kernels, grid)
    _draw_federation(federation, rounds)
    return save_figure(figure, out_dir, "overview", pd.concat([ladder, grid, rounds]))


def _draw_feeding(axes: Axes, ladder: pd.DataFrame) -> None:
    """What A5 gains over A0, and the most that any feed could."""
    sizes = sorted(ladder["batch_size"].unique())
    shown = {
        "A5 over A0": [gain_percent(ladder, "A5", "A0", size) for size in sizes],
        "if feeding cost nothing": [ceiling_percent(ladder, size) for size in sizes],
    }
    _band(axes, *PAPER_PERCENT, "the paper, on a GPU")
    for series, (label, gains) in enumerate(shown.items()):
        _errorbars(axes, [median_and_quartiles(gain)[:3] for gain in gains], label, series)
    axes.axhline(0, color="#444444", linewidth=0.8)
    axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    axes.set_xlabel("batch size")
    axes.set_ylabel("samples/s gained [%]")
    device = " / ".join(sorted(ladder["device"].unique()))
    axes.set_title(f"1: feeding a step ({device})")
    _legend_above(axes)


def _draw_kernels(axes: Axes, grid: pd.DataFrame) -> None:
    """Speed-up in the paper's grid: median and quartiles over kernel widths."""
    _band(axes, CLAIMED_LOW, CLAIMED_HIGH, "the paper")
    for series, (label, rivals) in enumerate(_RIVALS.items()):
        by_batch = speedups(grid, rivals).groupby("batch_size")["median"]
        points = [median_and_quartiles(cells)[:3] for _, cells in by_batch]
        _errorbars(axes, points, label, series)
    sizes = sorted(grid["batch_size"].unique())
    axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("batch size")
    axes.set_ylabel("times as fast")
    axes.set_title("2: a convolution")
    _legend_above(axes)


def _draw_federation(axes: Axes, rounds: pd.DataFrame) -> None:
    """What a round is made of, by world size: medians, of their sum."""
    medians = per_round(rounds, list(PARTS)).groupby("world_size")[list(PARTS)].median()
    shares = 100 * medians.div(medians.sum(axis=1), axis=0)
    crowded = rounds.groupby("world_size")["oversubscribed"].any()
    names = [f"{world}{'*' if crowded[world] else ''}" for world in shares.index]
    bottom = pd.Series(0.0, shares.index)
    for part, (label, colour) in PARTS.items():
        axes.bar(names, shares[part], 0.7, bottom, color=colour, label=label)
        bottom += shares[part]
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("ranks" + (" (* more than cores)" if crowded.any() else ""))
    axes.set_yticks(range(0, 101, 20))
    axes.set_ylabel("of a round [%]")
    axes.set_title(f"3: a round ({MODE})")
    _legend_above(axes)


def _band(axes: Axes, low: float, high: float, whose: str) -> None:
    """What is claimed."""
    axes.axhspan(low, high, color=PALETTE["yellow"], alpha=0.35, linewidth=0)
    axes.annotate(whose, (0.02, high), xycoords=("axes fraction", "data"), fontsize=7, va="top")


def _legend_above(axes: Axes) -> None:
    """The legend inside, over all that is drawn."""
    axes.set_ylim(top=1.5 * axes.get_ylim()[1])
    axes.legend(fontsize=7, loc="upper right")


def _errorbars(
    axes: Axes, points: list[tuple[float, float, float]], label: str, series: int
) -> None:
    """(median, first quartile, third quartile) at each place of the x axis."""
    axes.errorbar(
        [place + 0.1 * (series - 0.5) for place in range(len(points))],
        [middle for middle, _, _ in points],
        yerr=[
            [middle - low for middle, low, _ in points],
            [high - middle for middle, _, high in points],
        ],
        label=label,
        color=COLOURS[series],
        marker=MARKERS[series],
        markersize=4,
        capsize=2,
    )
