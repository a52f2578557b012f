"""Medians of the latest comparison as text."""

from pathlib import Path

import pandas as pd

from crossscale_results import read_table
from crossscale_results.rows import first_reason
from module1_locality.peer_columns import PEERS_TABLE
from module1_locality.summary import latest_run, median_and_quartiles


def render_peers(results_dir: Path, run_id: str | None = None) -> str:
    """Samples/s and share of memcpy of every way, the fastest first; what was not measured last."""
    frame = latest_run(read_table(PEERS_TABLE, results_dir), run_id)
    rates = f"{'samples/s':>10} {'IQR':>19} {'GB/s':>6} {'of memcpy':>9}"
    lines = [f"{'batch':>5} {'contestant':<19} {'order':<7}{rates}  settings"]
    for batch_size, rows in frame.groupby("batch_size"):
        measured = rows[rows["assembled_samples_per_s"].notna()]
        groups = [part for _, part in measured.groupby(["contestant", "choice", "settings"])]
        groups.sort(key=lambda part: -float(part["assembled_samples_per_s"].median()))
        lines += [_line(int(str(batch_size)), part) for part in groups]
        for row in rows[rows["assembled_samples_per_s"].isna()].itertuples():
            reason = first_reason(str(row.not_measured), PEERS_TABLE.optional)
            lines.append(f"{batch_size:>5} {row.contestant:<19} not measured: {reason}")
    return "\n".join(lines)


def _line(batch_size: int, rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    rate, low, high, _ = median_and_quartiles(rows["assembled_samples_per_s"])
    gb_per_s = median_and_quartiles(rows["assembled_gb_per_s"])[0]
    share = median_and_quartiles(rows["memcpy_share_ratio"])[0]
    return (
        f"{batch_size:>5} {first['contestant']:<19} {first['order']:<7}{rate:10.0f} "
        f"{f'{low:.0f} to {high:.0f}':>19} {gb_per_s:6.2f} {share:9.1%}  {first['settings']}"
    )
