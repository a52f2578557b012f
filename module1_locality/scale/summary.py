"""Medians of the latest measurement at scale as text, and whether size makes a difference."""

from pathlib import Path

import pandas as pd

from crossscale_results import read_table
from crossscale_results.rows import first_reason
from module1_locality.scale_columns import SCALE_TABLE
from module1_locality.summary import latest_run, median_and_quartiles

SAME_RATIO = 0.10  # throughput within this of the smallest shard's is called the same
_MIB = 2**20


def render_scale(results_dir: Path, run_id: str | None = None) -> str:
    """Throughput, faults and memory of every case; then the largest beside the smallest, warm."""
    frame = latest_run(read_table(SCALE_TABLE, results_dir), run_id)
    rates = f"{'samples/s':>10} {'IQR':>19} {'GB/s':>6} {'cached':>6} {'major':>6}"
    lines = [
        f"{'copies':>6} {'cache':<8}{'rung':<11}{rates} {'anon MiB':>8} {'feed':>6} {'order':>6}"
    ]
    for key, rows in frame.groupby(["copies_count", "cache", "rung"], sort=True):
        copies, cache, rung = key
        start = f"{copies:>6} {cache:<8}{rung:<11}"
        if rows["assembled_samples_per_s"].isna().all():
            reason = first_reason(rows["not_measured"].iloc[0], SCALE_TABLE.optional)
            lines.append(f"{start}not measured: {reason}")
        else:
            lines.append(start + _figures(rows[rows["assembled_samples_per_s"].notna()]))
    return "\n".join([*lines, *(_growth(frame, rung) for rung in frame["rung"].unique())])


def rate_ratio(frame: pd.DataFrame, rung: str) -> float:
    """Median samples/s warm from the largest shard, over that from the smallest."""
    warm = frame[(frame["rung"] == rung) & (frame["cache"] == "warm")]
    rates = warm.groupby("copies_count")["assembled_samples_per_s"].median()
    return float(rates.loc[rates.index.max()] / rates.loc[rates.index.min()])


def _figures(rows: pd.DataFrame) -> str:
    rate, low, high, _ = median_and_quartiles(rows["assembled_samples_per_s"])
    medians = rows.median(numeric_only=True)
    return (
        f"{rate:10.0f} {f'{low:.0f} to {high:.0f}':>19} {medians['assembled_gb_per_s']:6.2f} "
        f"{medians['cached_before_ratio']:6.0%} {medians['major_faults_count']:6.0f} "
        f"{medians['anonymous_bytes'] / _MIB:8.1f} {medians['feed_bytes'] / _MIB:6.1f} "
        f"{medians['order_bytes'] / _MIB:6.2f}"
    )


def _growth(frame: pd.DataFrame, rung: str) -> str:
    warm = frame[(frame["rung"] == rung) & (frame["cache"] == "warm")]
    sizes = sorted(warm["copies_count"].unique())
    if len(sizes) < 2:
        return f"{rung}: one size only, nothing to compare"
    small, large = (
        warm[warm["copies_count"] == n].median(numeric_only=True) for n in sizes[:: len(sizes) - 1]
    )
    ratio = rate_ratio(frame, rung)
    same = "the same" if abs(ratio - 1) <= SAME_RATIO else "not the same"
    return (
        f"{rung} at {sizes[-1]} copies, warm: {ratio:.0%} of the samples/s at {sizes[0]} ({same} "
        f"within {SAME_RATIO:.0%}); the feed's own memory {small['feed_bytes'] / _MIB:.1f} → "
        f"{large['feed_bytes'] / _MIB:.1f} MiB, its order {small['order_bytes'] / _MIB:.2f} → "
        f"{large['order_bytes'] / _MIB:.2f} MiB"
    )
