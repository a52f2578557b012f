"""What a bench has measured, as a table on the screen, with a word on how steady it was."""

from dataclasses import asdict

import pandas as pd

from crossscale_results import Row
from module2_openmp_conv.speedup import CELL, speedups

UNSTEADY_PERCENT = 10.0  # interquartile range over median, as pyperf draws the line


def print_summary(rows: list[Row]) -> None:
    """Print each cell's median times and speed-up, and warn of an unsteady machine."""
    frame = pd.DataFrame(
        [{**asdict(row.config), **asdict(row.measurement), "repeat": row.repeat} for row in rows]
    )
    times = frame.pivot_table(index=CELL, columns="contestant", values="call_us", aggfunc="median")
    ratios = speedups(frame).set_index(CELL)
    times["best torch ÷ crossscale"] = ratios["median"]
    print(f"\nmedian µs of a call, n = {frame['repeat'].nunique()}")
    print(times.round(1).to_string(na_rep="—"))
    calls = frame.groupby([*CELL, "contestant"])["call_us"]
    spread_percent = 100 * (calls.quantile(0.75) - calls.quantile(0.25)) / calls.median()
    if (unsteady := int((spread_percent > UNSTEADY_PERCENT).sum())) > 0:
        print(
            f"unsteady: {unsteady} of {len(spread_percent)} medians have a spread above "
            f"{UNSTEADY_PERCENT:.0f} %; is another process using these cores?"
        )
