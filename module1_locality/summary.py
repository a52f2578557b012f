"""Medians of a run's raw rows: what the screen, the figures and the claims are made from."""

from pathlib import Path

import pandas as pd

from crossscale_results import Table, read_table
from crossscale_results.reader import has_rows
from crossscale_results.rows import first_reason
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.rungs import RUNGS, STEPS, control_of, usual_of


def latest_run(frame: pd.DataFrame, run_id: str | None = None) -> pd.DataFrame:
    """The rows of one run: the one named, else the last; runs are never mixed."""
    return frame[frame["run_id"] == (run_id or frame["run_id"].iloc[-1])]


def latest_rows(table: Table, results_dir: Path) -> pd.DataFrame | None:
    """The rows of the table's last run; None where there is no table, or an empty one."""
    if not has_rows(table, results_dir):
        return None
    frame = read_table(table, results_dir)
    return None if frame.empty else latest_run(frame)


def median_and_quartiles(values: pd.Series) -> tuple[float, float, float, int]:
    """Median, quartiles and number of the values that were measured."""
    measured = values.dropna().astype(float)
    low, middle, high = measured.quantile([0.25, 0.5, 0.75])
    return float(middle), float(low), float(high), len(measured)


def gain_percent(ladder: pd.DataFrame, rung: str, over: str, batch_size: int) -> pd.Series:
    """Throughput of a rung over another's in the same repeat, minus 1, in %; one value a repeat."""
    at_size = ladder[ladder["batch_size"] == batch_size]
    rates = at_size.pivot_table(index="repeat", columns="rung", values="trained_samples_per_s")
    if rung not in rates or over not in rates:
        return pd.Series(dtype=float)
    return (100 * (rates[rung] / rates[over] - 1)).dropna()


def of_control_percent(ladder: pd.DataFrame, rung: str, batch_size: int) -> pd.Series:
    """Throughput of a rung over its control's in the same repeat, in %; one value a repeat."""
    return 100 + gain_percent(ladder, rung, control_of(RUNGS[rung]).name, batch_size)


def ceiling_percent(ladder: pd.DataFrame, batch_size: int, step: str = "") -> pd.Series:
    """What no feed can exceed: step(A0) / step(C0) − 1, in %; one value a repeat.

    `step` is one of STEPS.
    """
    control = RUNGS["C0" + step]
    return gain_percent(ladder, control.name, usual_of(control).name, batch_size)


def rungs_in(column: pd.Series) -> list[str]:
    """The rungs in the column, in the ladder's order."""
    return [name for name in RUNGS if (column == name).any()]


def render_summary(results_dir: Path, run_id: str | None = None) -> str:
    """A run's medians and quartiles as text."""
    ladder = latest_run(read_table(LADDER_TABLE, results_dir), run_id)
    header = f"{'batch':>5} {'rung':<14} {'samples/s':>10} {'IQR':>17} {'step ms':>8}"
    lines = [f"{header} {'exposed ms':>11} {'overlap':>7} {'patients':>8}"]
    for batch_size in sorted(ladder["batch_size"].unique()):
        for rung in RUNGS:
            rows = ladder[(ladder["batch_size"] == batch_size) & (ladder["rung"] == rung)]
            lines += _ladder_line(rows, batch_size, rung)
        for step in STEPS:
            lines += _ceiling_line(ceiling_percent(ladder, batch_size, step), batch_size, step)
    return "\n".join([*lines, *_assembly_lines(results_dir, run_id)])


def _ceiling_line(percent: pd.Series, batch_size: int, step: str) -> list[str]:
    if percent.empty:  # the rungs that it is made of were not asked for
        return []
    middle, low, high, count = median_and_quartiles(percent)
    gain = f"{middle:+.1f} % over A0{step} if feeding cost nothing"
    return [f"{batch_size:>5} ceiling        {gain} (IQR {low:+.1f} to {high:+.1f}, n = {count})"]


def _ladder_line(rows: pd.DataFrame, batch_size: int, rung: str) -> list[str]:
    if rows.empty:
        return []
    start = f"{batch_size:>5} {rung:<14} "
    if rows["step_ms"].isna().all():
        reason = first_reason(rows["not_measured"].iloc[0], LADDER_TABLE.optional)
        return [f"{start}not measured: {reason}"]
    rate, low, high, _ = median_and_quartiles(rows["trained_samples_per_s"])
    step_ms = median_and_quartiles(rows["step_ms"])[0]
    exposed = _median(rows["exposed_ms"], "11.3f")
    overlap = _median(rows["overlap_ratio"], "7.2f")
    patients = _median(rows["records_per_batch_count"], "8.1f")
    return [
        f"{start}{rate:10.0f} {f'{low:.0f} to {high:.0f}':>17} {step_ms:8.3f} "
        f"{exposed:>11} {overlap:>7} {patients:>8}".rstrip()
    ]


def _median(values: pd.Series, how: str) -> str:
    """The median as text; nothing if none was measured."""
    return format(median_and_quartiles(values)[0], how) if values.notna().any() else ""


def _assembly_lines(results_dir: Path, run_id: str | None) -> list[str]:
    if not has_rows(ASSEMBLY_TABLE, results_dir):
        return []
    assembly = latest_run(read_table(ASSEMBLY_TABLE, results_dir), run_id)
    lines = [f"{'batch':>5} {'assembly':<14} {'GB/s':>7} {'of memcpy':>9}"]
    for (batch_size, method), rows in assembly.groupby(["batch_size", "method"]):
        rate = median_and_quartiles(rows["assembled_gb_per_s"])[0]
        share = median_and_quartiles(rows["assembled_gb_per_s"] / rows["memcpy_gb_per_s"])[0]
        lines.append(f"{batch_size:>5} {method:<14} {rate:7.2f} {share:9.0%}")
    return lines
