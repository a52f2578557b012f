"""`python -m module2_openmp_conv.bars`: what the kernels are to reach, and whether they do.

Each bar is a ratio within one run: over the best of torch's configurations by cell, or of what the
machine itself was measured to do.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
from typing_extensions import Doc

from crossscale_results import read_table
from crossscale_results.cli import run
from crossscale_results.reader import has_rows
from module2_openmp_conv.bar import Bar, render
from module2_openmp_conv.columns import CONVOLUTION_TABLE, MACHINE_TABLE, TRAINING_TABLE
from module2_openmp_conv.contestants import REWRITES, TORCHS
from module2_openmp_conv.grid import GRADIENTS, PASSES
from module2_openmp_conv.roofline import shares, shares_of_peak_beside
from module2_openmp_conv.speedup import (
    CELL,
    from_taps,
    latest_run,
    named,
    papers_grid,
    speedups,
    whole_team,
)

COMPUTE_BOUND = ((16, 16), (16, 32), (32, 64), (64, 64))  # channels in and out, one group
# Ours on tensors with channels last, told below a bar's line: what a network in that layout gets.
CHANNELS_LAST = "  with channels last"
OURS_LAST = "crossscale_channels_last"
TAPS = "  from the taps alone"  # where ours multiply spectra, too
SLOWER_AT_MOST = 1 / 1.05  # than torch as it is


def bars(
    frame: pd.DataFrame, machine: pd.DataFrame | None, training: pd.DataFrame | None = None
) -> list[Bar]:
    """All bars.

    Args:
        frame: rows of the convolution table, of one run.
        machine: rows of the machine table of that run; None if there are none.
        training: rows of the training table, of one run; None if there are none.
    """
    warm = whole_team(frame)
    forward = warm[(warm["operation"] == "forward") & (warm["length"] > 8)]
    paper = papers_grid(frame)
    several = forward[(forward["in_channels"] > 1) | (forward["out_channels"] > 1)]
    with_rewrites = (*TORCHS, *REWRITES)
    found = [
        _over("paper's grid", paper, 8.0),
        _over("paper's grid", paper, 5.0, by="worst cell"),
        _over("  with out=", paper, None, ours="crossscale_out"),
        _over("  rewrites with torch included", paper, None, against=with_rewrites),
        *_memory_bound(forward, machine),
        *_compute_bound(forward, machine),
        _over("no cell slower than torch", frame, SLOWER_AT_MOST, ("torch",), by="worst cell"),
        _over("several channels, forward", several, 1.5),
        _over("  rewrites with torch included", several, None, against=with_rewrites),
        _over(CHANNELS_LAST, several, None, ours=OURS_LAST),
        _over(TAPS, from_taps(several), None),
    ]
    for operation in GRADIENTS:
        rows = warm[warm["operation"] == operation]
        found += [
            _over(operation, rows, 1.5),
            _over(CHANNELS_LAST, rows, None, ours=OURS_LAST),
            _over(TAPS, from_taps(rows), None),
        ]
    steps, passes = _steps(warm), warm[warm["operation"].isin(PASSES)]
    found += [
        _over("training_step", steps, None),
        _over(CHANNELS_LAST, steps, None, ours=OURS_LAST),
        _over(TAPS, from_taps(steps), None),
        _over("spectra over the taps, one pass", passes, None, ("crossscale_direct",)),
    ]
    return [*found, *_epochs(training), _latency(forward), _errors(frame)]


def _over(
    name: str,
    rows: pd.DataFrame,
    least: float | None,
    against: tuple[str, ...] = TORCHS,
    ours: str = "crossscale",
    by: str = "geometric mean",
) -> Bar:
    most = rows["threads"].max()
    cells = []
    for _, cell in speedups(rows, against, ours).iterrows():
        fewer = f", threads: {cell['threads']}" if cell["threads"] != most else ""
        is_other = len(against) > 1 and cell["best"] != "torch"
        best = f" (torch's best: {cell['best']})" if is_other else ""
        cells.append((f"{named(cell)}{fewer}{best}", float(cell["median"])))
    return Bar(name, least, by, tuple(cells))


def _memory_bound(forward: pd.DataFrame, machine: pd.DataFrame | None) -> list[Bar]:
    """One channel to sixteen, where the tensors bind rather than the multiply-adds.

    Tensors that lie in a cache are moved faster than memory could: a share of memory's bandwidth is
    of those that lie in memory alone.
    """
    bandwidth, over = "1→16 with out=, of memory's bandwidth", "1→16 over torch"
    if machine is None:
        return [Bar(bandwidth, 0.8, "worst cell", ()), Bar(over, 2.0, "geometric mean", ())]
    rows = forward[
        (forward["in_channels"] == 1)
        & (forward["out_channels"] == 16)
        & (forward["batch_size"] >= 64)  # of fewer, a call's own time binds
    ]
    found = shares(rows, machine)
    bound = found[found["of_memory"] >= found["of_peak"]]
    in_memory = found[found["binding"] == "memory"]
    cells = rows.merge(bound[CELL].drop_duplicates(), on=CELL)
    with_out = "crossscale_out"
    return [
        _share(bandwidth, in_memory, 0.8, "of_memory", with_out, by="worst cell"),
        _share(CHANNELS_LAST, in_memory, None, "of_memory", f"{OURS_LAST}_out"),
        _share("  of the binding bound, caches counted", bound, None, "share", with_out),
        _over(over, cells, 2.0),
        _over(CHANNELS_LAST, cells, None, ours=OURS_LAST),
    ]


def _compute_bound(forward: pd.DataFrame, machine: pd.DataFrame | None) -> list[Bar]:
    """Many channels, where the multiply-adds bind: of ours from the taps, which make them all."""
    channels = list(zip(forward["in_channels"], forward["out_channels"], strict=True))
    rows = forward[
        pd.Series([pair in COMPUTE_BOUND for pair in channels], index=forward.index, dtype=bool)
        & (forward["groups"] == 1)
        & (forward["batch_size"] == 64)
        & (forward["dilation"] == 1)
        & (forward["length"] == 500)
    ]
    chosen, rows = rows, from_taps(rows)
    beside, column = shares_of_peak_beside(rows), "of_peak_beside"
    found = [
        _share("16→16 … 64→64, of the FMA peak", beside, 0.8, column, "crossscale"),
        _share("  with out=", beside, None, column, "crossscale_out"),
        _share(CHANNELS_LAST, beside, None, column, OURS_LAST),
        _share(
            "  spectra included, as if from taps",
            shares_of_peak_beside(chosen),
            None,
            column,
            "crossscale",
        ),
        _share("  torch, of the same", beside, None, column, "torch"),
    ]
    if machine is None:
        return found
    best = shares(rows, machine)
    return [*found, _share("  of the run's best burst", best, None, "of_peak", "crossscale")]


def _share(
    name: str,
    found: pd.DataFrame,
    least: float | None,
    column: str,
    contestant: str,
    by: str = "geometric mean",
) -> Bar:
    rows = found[found["contestant"] == contestant]
    cells = tuple((named(cell), float(cell[column])) for _, cell in rows.iterrows())
    return Bar(name, least, by, cells)


def _steps(warm: pd.DataFrame) -> pd.DataFrame:
    return warm[(warm["operation"] == "training_step") & (warm["length"] > 8)]


def _epochs(training: pd.DataFrame | None) -> list[Bar]:
    """Epochs of the suite's classifier: torch's time over ours, epoch by epoch."""
    if training is None:
        return [Bar("the classifier's training", 2.0, "geometric mean", ())]
    times = training.pivot_table(index="epoch", columns="kernel", values="epoch_s")

    def ratios(theirs: str, ours: str) -> tuple[tuple[str, float], ...]:
        if theirs not in times or ours not in times:
            return ()
        ratio = (times[theirs] / times[ours]).dropna().astype(float)
        named_epochs = zip(ratio.index, ratio, strict=True)
        return tuple((f"epoch {epoch + 1}", value) for epoch, value in named_epochs)

    fused = "crossscale_fused"
    return [
        Bar("the classifier's training", 2.0, "geometric mean", ratios("torch", fused)),
        Bar("  over torch.compile", None, "geometric mean", ratios("torch_compiled", fused)),
        Bar("  convolutions alone", None, "geometric mean", ratios("torch", "crossscale")),
    ]


def _errors(frame: pd.DataFrame) -> Bar:
    """Torch's largest error over ours: with the CPU's instruction set, and both held to AVX2."""
    errors = frame.pivot_table(
        index=CELL, columns="contestant", values="max_error_ratio", aggfunc="max"
    )
    cells: list[tuple[str, float]] = []
    for suffix, mark in (("", ""), ("_avx2", ", AVX2")):
        ours, theirs = f"crossscale{suffix}", f"torch{suffix}"
        if ours not in errors or theirs not in errors:
            continue
        both = errors[[ours, theirs]].dropna()
        both = both[both[ours] > 0]
        ratio = (both[theirs] / both[ours]).astype(float)
        names = (named(cell) + mark for _, cell in both.index.to_frame().iterrows())
        cells += zip(names, ratio, strict=True)
    return Bar("torch's error over ours", 0.5, "worst cell", tuple(cells))


def _latency(forward: pd.DataFrame) -> Bar:
    """Both layers of a small classifier, one beat at a time: their best times added up."""
    layers = ((1, 16, 7), (16, 16, 5))
    columns = ["in_channels", "out_channels", "kernel_width"]
    single = forward[
        (forward["batch_size"] == 1) & (forward["dilation"] == 1) & (forward["length"] == 500)
    ]
    theirs = ours = 0.0
    for layer in layers:
        rows = single[(single[columns] == pd.Series(layer, index=columns)).all(axis=1)]
        times = rows.groupby("contestant")["call_us"].median()
        best = times[[name for name in TORCHS if name in times]]
        if best.empty or "crossscale" not in times:
            return Bar("batch-1 latency 1→16→16", 2.0, "geometric mean", ())
        theirs, ours = theirs + float(best.min()), ours + float(times["crossscale"])
    cells = (("1→16 k7 and 16→16 k5 batch 1", theirs / ours),)
    return Bar("batch-1 latency 1→16→16", 2.0, "geometric mean", cells)


@dataclass(frozen=True)
class Bars:
    """Whose bars are told."""

    results_dir: Annotated[Path, Doc("Folder of the CSV files; their last run counts.")] = Path(
        "results"
    )
    cells: Annotated[int, Doc("How many of the cells that miss a bar are named.")] = 1000


def show(config: Bars) -> None:
    """Print the bars of the last run.

    Raises:
        ResultsError: there are no rows, or they cannot be read.
    """
    print(render(bars_in(config.results_dir), config.cells))


def bars_in(results_dir: Path) -> list[Bar]:
    """The bars of a folder's last run.

    Raises:
        ResultsError: there are no rows, or they cannot be read.
    """
    frame = latest_run(read_table(CONVOLUTION_TABLE, results_dir))
    training = None
    if has_rows(TRAINING_TABLE, results_dir):
        training = latest_run(read_table(TRAINING_TABLE, results_dir))
    return bars(frame, machine_of(frame, results_dir), training)


def machine_of(frame: pd.DataFrame, results_dir: Path) -> pd.DataFrame | None:
    """The rows of the machine table that belong to the same run; None if there are none."""
    if not has_rows(MACHINE_TABLE, results_dir):
        return None
    machine = read_table(MACHINE_TABLE, results_dir)
    machine = machine[machine["run_id"] == frame["run_id"].iloc[0]]
    return None if machine.empty else machine


if __name__ == "__main__":
    sys.exit(run(Bars, show, "python -m module2_openmp_conv.bars", __doc__ or ""))
