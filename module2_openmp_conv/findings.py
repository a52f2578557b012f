"""What module 2's rows say, in plain words."""

from collections.abc import Iterator
from pathlib import Path

from crossscale_results import read_table
from crossscale_results.ratios import Ratio, number
from crossscale_results.reader import has_rows
from crossscale_results.words import Finding, beyond_noise, named, not_measured, span
from module2_openmp_conv.bar import render
from module2_openmp_conv.bars import bars_in
from module2_openmp_conv.columns import CONVOLUTION_TABLE
from module2_openmp_conv.speedup import latest_run, speedups
from module2_openmp_conv.speedup import named as cell_name

TITLE = "Module 2: one convolution on the cores"


def bars_text(results_dir: Path) -> str:
    """The bars as a table, each missed one with its worst cells."""
    if not has_rows(CONVOLUTION_TABLE, results_dir):
        return "not measured"
    return render(bars_in(results_dir))


def findings(results_dir: Path, found: list[Ratio]) -> list[Finding]:
    """An answer to each question that there are rows for, or what would answer it.

    Args:
        results_dir: folder of the CSV files.
        found: the module's ratios in them.
    """
    return [
        _grid(named(found, "the paper's grid")),
        *_layers(named(found, "TinyECG's layers")),
        *_latency(named(found, "one beat at a time")),
        *_slower(results_dir),
        _training(named(found, "an epoch of")),
    ]


def _grid(grid: list[Ratio]) -> Finding:
    if not grid:
        return not_measured("The paper's grid", "python -m module2_openmp_conv.bench")
    return Finding(
        f"In the paper's grid torch's conv1d, as it is, takes {span(grid)} times as long as ours "
        "(geometric mean over cells).",
        tuple(grid),
    )


def _layers(layers: list[Ratio]) -> Iterator[Finding]:
    if layers:
        yield Finding(
            f"In both layers of a small classifier, forward and backward, torch takes "
            f"{span(layers)} times as long as ours; {beyond_noise(layers)}.",
            tuple(layers),
        )


def _latency(single: list[Ratio]) -> Iterator[Finding]:
    if single:
        yield Finding(
            f"One beat at a time, torch takes {span(single)} times as long as ours.", tuple(single)
        )


def _slower(results_dir: Path) -> Iterator[Finding]:
    if not has_rows(CONVOLUTION_TABLE, results_dir):
        return
    cells = speedups(latest_run(read_table(CONVOLUTION_TABLE, results_dir)))
    slower = cells[cells["median"] < 1].sort_values("median")
    if slower.empty:
        yield Finding(f"Ours is slower than torch's best in none of {len(cells)} cells.")
        return
    worst = slower.iloc[0]
    yield Finding(
        f"Ours is slower than torch's best in {len(slower)} of {len(cells)} cells; in the worst, "
        f"{cell_name(worst)}, it has {number(worst['median'])} times torch's speed."
    )


def _training(epochs: list[Ratio]) -> Finding:
    if not epochs:
        return not_measured("Training with either kernel", "python -m module2_openmp_conv.train")
    return Finding(
        f"Training the suite's classifier as a whole, an epoch with torch takes {span(epochs)} "
        "times as long as with our fused kernels.",
        tuple(epochs),
    )
