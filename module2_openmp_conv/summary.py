"""What a bench has measured, as tables on the screen, with a word on how steady it was."""

import pandas as pd

from module2_openmp_conv.bar import render
from module2_openmp_conv.bars import bars
from module2_openmp_conv.contestants import HISTORY, OURS, PEERS, REWRITES, TORCHS
from module2_openmp_conv.roofline import roofs, shares
from module2_openmp_conv.speedup import CELL, from_taps, median_times, named, speedups

UNSTEADY_PERCENT = 10.0  # interquartile range over median, as pyperf draws the line
BEYOND_PEAK = 1.05


def print_summary(
    frame: pd.DataFrame, machine: pd.DataFrame | None, absent: dict[str, str]
) -> None:
    """Print each cell's median times and speed-up, the bars, and what to mind.

    Args:
        frame: rows of the convolution table, of one run.
        machine: rows of the machine table, of the same run.
        absent: contestants that could not take part, with the reason.
    """
    print(f"\nmedian µs of a call, n = {frame['repeat'].nunique()}")
    print(_times(frame).to_string(index=False, na_rep="—"))
    for line in (_overhead(frame), "" if machine is None else _machine(machine)):
        if line:
            print(f"\n{line}")
    print(
        f"\nover the best of torch by cell, unless said otherwise\n{render(bars(frame, machine))}"
    )
    for name, reason in absent.items():
        print(f"{name} did not take part: {reason}")
    if machine is not None and (beyond := _most_of_peak(frame, machine)) > BEYOND_PEAK:
        print(
            f"a contestant reaches {100 * beyond:.0f} % of the measured peak: the machine was busy "
            "while it was probed, so shares of bounds are too high"
        )
    calls = frame.groupby([*CELL, "contestant"])["call_us"]
    spread_percent = 100 * (calls.quantile(0.75) - calls.quantile(0.25)) / calls.median()
    if (unsteady := int((spread_percent > UNSTEADY_PERCENT).sum())) > 0:
        print(
            f"unsteady: {unsteady} of {len(spread_percent)} medians have a spread above "
            f"{UNSTEADY_PERCENT:.0f} %; is another process using these cores?"
        )


def _times(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a cell: the contestants that tell most, and the speed-ups over each kind of others."""
    medians = median_times(frame)
    kinds = {
        "best torch": TORCHS,
        "best rewrite": REWRITES,
        "onnxruntime": PEERS,
        "taps_loop": HISTORY[:1],
    }
    table = pd.DataFrame(index=medians.index)
    for name in ("torch", *OURS[:2]):
        if name in medians:
            table[name] = medians[name]
    for kind, members in kinds.items():
        if there := [name for name in members if name in medians]:
            table[kind] = medians[there].min(axis=1)
    table = table.round(1)
    over = speedups(frame).set_index(CELL)
    table["torch ÷ ours"] = over["median"].round(2)
    table["who is best"] = over["best"]
    cells = table.index.to_frame(index=False)
    names = [f"{named(cell)}, {cell['threads']} thr." for _, cell in cells.iterrows()]
    return table.reset_index(drop=True).set_axis(names).rename_axis("cell").reset_index()


def _overhead(frame: pd.DataFrame) -> str:
    """The time of calls that have next to nothing to do."""
    tiny = frame[frame["length"] == 8]
    if tiny.empty:
        return ""
    medians = tiny.groupby(["operation", "contestant"])["call_us"].median()
    parts = [
        f"{operation} {medians[operation, 'crossscale']:.1f} µs (torch "
        f"{medians[operation, 'torch']:.1f} µs)"
        for operation in medians.index.unique("operation")
        if {"crossscale", "torch"} <= set(medians[operation].index)
    ]
    return f"overhead of a call: {', '.join(parts)}"


def _most_of_peak(frame: pd.DataFrame, machine: pd.DataFrame) -> float:
    """Of those that make all the multiply-adds that are counted: not by spectra."""
    taps = from_taps(frame[frame["contestant"] != "torch_fft"])
    return float(shares(taps, machine)["of_peak"].max())


def _machine(machine: pd.DataFrame) -> str:
    parts = []
    for threads, roof in roofs(machine).items():
        peaks = ", ".join(f"{isa} {value:.0f}" for isa, value in roof.peaks.items())
        parts.append(
            f"{threads} thread{'s' if threads > 1 else ''}: multiply-adds {peaks} GFLOP/s, memory "
            f"{roof.memory_gb_per_s:.0f} GB/s"
        )
    return "\n".join(parts)
