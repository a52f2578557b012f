"""Speed-ups from raw samples: a repeat's time of torch over the same repeat's time of ours."""

import numpy as np
import pandas as pd

from module2_openmp_conv.contestants import TORCHS
from module2_openmp_conv.grid import PAPER

# What tells one cell from another.
CELL = [
    "operation",
    "cache",
    "threads",
    "batch_size",
    "in_channels",
    "out_channels",
    "groups",
    "kernel_width",
    "dilation",
    "length",
]


def latest_run(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the run that began last."""
    return frame[frame["run_id"] == frame.sort_values("time_utc")["run_id"].iloc[-1]]


def whole_team(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with warm caches and as many threads as the run had."""
    return frame[(frame["cache"] == "warm") & (frame["threads"] == frame["threads"].max())]


def from_taps(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows without ours that multiply spectra.

    In cells where `crossscale` does, `crossscale_direct` stands for it, and the others of ours are
    left out: `crossscale_avx2` and those with channels last choose alike.
    """
    direct = frame["contestant"] == "crossscale_direct"
    by_spectra = pd.MultiIndex.from_frame(frame[CELL]).isin(
        pd.MultiIndex.from_frame(frame.loc[direct, CELL])
    )
    ours = frame["contestant"].str.startswith("crossscale")
    kept = frame[direct | ~(ours & by_spectra)]
    return kept.assign(contestant=kept["contestant"].replace("crossscale_direct", "crossscale"))


def papers_grid(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the paper's grid: one channel to one, forward."""
    rows = whole_team(frame)
    batches = {cell.batch_size for cell in PAPER}
    widths = {cell.kernel_width for cell in PAPER}
    return rows[
        (rows["operation"] == "forward")
        & (rows["in_channels"] == 1)
        & (rows["out_channels"] == 1)
        & (rows["dilation"] == 1)
        & (rows["length"] == PAPER[0].length)
        & rows["batch_size"].isin(batches)
        & rows["kernel_width"].isin(widths)
    ]


def median_times(frame: pd.DataFrame) -> pd.DataFrame:
    """Median `call_us`: a row a cell (its columns are the index), a column a contestant."""
    return frame.pivot_table(index=CELL, columns="contestant", values="call_us", aggfunc="median")


def speedups(
    frame: pd.DataFrame, against: tuple[str, ...] = TORCHS, ours: str = "crossscale"
) -> pd.DataFrame:
    """Speed-up of `ours` in each cell over the best of `against` by median time.

    Args:
        frame: rows of the convolution table, of one run.
        against: contestants to choose the best from.
        ours: the contestant whose speed-up it is.

    Returns:
        One row a cell in which `ours` and one of the others took part: its columns, `best` (whose
        median was least), the `median` of the repeats' ratios and their quartiles `low` and
        `high`, and `n` repeats.
    """
    rows = []
    for cell, samples in frame.groupby(CELL):
        times = samples.pivot_table(index="repeat", columns="contestant", values="call_us")
        others = [name for name in against if name in times]
        if not others or ours not in times:
            continue
        best = times[others].median().idxmin()
        ratio = (times[best] / times[ours]).dropna()
        low, median, high = ratio.quantile([0.25, 0.5, 0.75])
        quartiles = {"median": median, "low": low, "high": high, "n": len(ratio)}
        rows.append({**dict(zip(CELL, cell, strict=True)), "best": best, **quartiles})
    return pd.DataFrame(rows, columns=[*CELL, "best", "median", "low", "high", "n"])


def geometric_mean(values: pd.Series) -> float:
    """exp of the mean logarithm; NaN of nothing."""
    if values.empty:
        return float("nan")
    return float(np.exp(np.log(values.to_numpy(float)).mean()))


def named(cell: pd.Series) -> str:
    """A cell in a few words: `16→32 k5 batch 64, weight_gradient`; the usual is left out."""
    parts = [f"{cell['in_channels']}→{cell['out_channels']}"]
    parts += [f"groups {cell['groups']}"] if cell["groups"] > 1 else []
    parts += [f"k{cell['kernel_width']} batch {cell['batch_size']}"]
    parts += [f"L {cell['length']}"] if cell["length"] != PAPER[0].length else []
    parts += [f"dilation {cell['dilation']}"] if cell["dilation"] > 1 else []
    name = " ".join(parts)
    name += f", {cell['operation']}" if cell["operation"] != "forward" else ""
    name += ", cold" if cell["cache"] == "cold" else ""
    return name
