"""Speed-ups from raw samples: a repeat's time of torch over the same repeat's time of ours."""

import pandas as pd

from module2_openmp_conv.contestants import TORCHS

CELL = ["batch_size", "in_channels", "out_channels", "kernel_width", "length"]


def latest_run(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the run that began last."""
    return frame[frame["run_id"] == frame.sort_values("time_utc")["run_id"].iloc[-1]]


def speedups(frame: pd.DataFrame, against: tuple[str, ...] = TORCHS) -> pd.DataFrame:
    """Speed-up of `crossscale` in each cell over the best of `against` by median time.

    Args:
        frame: rows of the convolution table, of one run.
        against: contestants to choose the best from.

    Returns:
        One row a cell: its columns, `best` (whose median was least), the `median` of the repeats'
        ratios and their quartiles `low` and `high`, and `n` repeats.
    """
    rows = []
    for cell, samples in frame.groupby(CELL):
        times = samples.pivot_table(index="repeat", columns="contestant", values="call_us")
        best = times[[name for name in against if name in times]].median().idxmin()
        ratio = (times[best] / times["crossscale"]).dropna()
        low, median, high = ratio.quantile([0.25, 0.5, 0.75])
        quartiles = {"median": median, "low": low, "high": high, "n": len(ratio)}
        rows.append({**dict(zip(CELL, cell, strict=True)), "best": best, **quartiles})
    return pd.DataFrame(rows)
