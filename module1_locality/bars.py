"""`python -m module1_locality.bars`: what the feed is to reach, and whether it does.

Each number is a ratio within one run, of medians over raw rows; accuracies are means over seeds.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
from typing_extensions import Doc

from crossscale_results.cli import run
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.order_config import DEFAULT
from module1_locality.order_summary import (
    BASELINE,
    by_order,
    paired_difference,
    scored_orders,
    t_interval,
)
from module1_locality.peer_columns import PEERS_TABLE
from module1_locality.rungs import CAPTURED, STEPS
from module1_locality.scale.summary import SAME_RATIO, rate_ratio
from module1_locality.scale_columns import SCALE_TABLE
from module1_locality.summary import latest_rows

OURS = ("A3", "A6-gather", "A6-hugepages", "A6-both")  # in host memory A5 assembles as A3 does
TOP = ("A5", "A6-gather", "A6-thread")
EXPOSED_AT_MOST = 0.03


@dataclass(frozen=True)
class Bars:
    """Whose bars are told."""

    results_dir: Annotated[Path, Doc("Folder of the CSV files; their last run counts.")] = Path(
        "results"
    )


def render(results_dir: Path) -> str:
    """Every bar in a line, with its verdict; what has no rows is `not measured`."""
    told = (
        _told(latest_rows(ASSEMBLY_TABLE, results_dir), "host assembly", _assembly),
        _told(latest_rows(PEERS_TABLE, results_dir), "over the best peer", _peers),
        _told(latest_rows(LADDER_TABLE, results_dir), "exposed feeding", _exposed),
        _told(latest_rows(SCALE_TABLE, results_dir), "twenty times the data", _scale),
        _told(scored_orders(results_dir), "accuracy of A2's order", _accuracy),
    )
    return "\n".join(line for lines in told for line in lines)


def _told(
    rows: pd.DataFrame | None, what: str, tell: Callable[[pd.DataFrame], Iterator[str]]
) -> Iterator[str]:
    if rows is None:
        yield f"{what}: not measured"
        return
    yield from tell(rows)


def _assembly(rows: pd.DataFrame) -> Iterator[str]:
    rates = rows.groupby(["batch_size", "method"])["assembled_gb_per_s"].median().unstack()
    samples = rows.groupby(["batch_size", "method"])["assembled_samples_per_s"].median().unstack()
    for rung in OURS:
        if rung not in rates:
            continue
        share = rates[rung] / rates["memcpy"]
        yield _line(f"host assembly, {rung}, of memcpy", share, 0.60, "{:.2f}")
        if "A0" in samples:
            yield _line(f"host assembly, {rung}, over A0", samples[rung] / samples["A0"], 20)
    if "A0" in samples:  # what no copy of as many bytes can pass
        bound = _by_batch(samples["memcpy"] / samples["A0"])
        yield f"host assembly, memcpy itself, over A0: {bound}"


def _peers(rows: pd.DataFrame) -> Iterator[str]:
    rows = rows[rows["assembled_samples_per_s"].notna()]
    entry = ["batch_size", "contestant", "settings"]
    peers = rows[rows["role"] == "peer"].groupby(entry)["assembled_samples_per_s"].median()
    if peers.empty:
        yield "over the best peer: not measured"
        return
    best = peers.reset_index().sort_values("assembled_samples_per_s").groupby("batch_size").last()
    names = ", ".join(sorted(best["contestant"].unique()))
    for rung in TOP:
        own = rows[rows["contestant"] == rung]
        ours = own.groupby("batch_size")["assembled_samples_per_s"].median()
        ratio = (ours / best["assembled_samples_per_s"]).dropna()
        if ratio.empty:
            continue
        yield _line(f"{rung} over the best peer, {names}", ratio, 3)


def _exposed(rows: pd.DataFrame) -> Iterator[str]:
    for rung in (name + step for step in STEPS for name in ("A0", *TOP)):
        fed = rows[(rows["rung"] == rung) & rows["exposed_ms"].notna()]
        if fed.empty:
            continue
        share = (fed["exposed_ms"] / fed["step_ms"]).groupby(fed["batch_size"]).median()
        found = ", ".join(f"{100 * value:.1f} % at {size}" for size, value in share.items())
        judged = ""
        if rung.removesuffix(CAPTURED) in TOP and 256 in share:
            judged = ": met" if share[256] <= EXPOSED_AT_MOST else ": missed"
        asked = " (bar: at most 3 % at 256)" if judged else ""
        yield f"exposed feeding of a step, {rung}{asked}: {found}{judged}"


def _scale(rows: pd.DataFrame) -> Iterator[str]:
    copies = rows.loc[rows["cache"] == "warm", "copies_count"]
    for rung in sorted(rows["rung"].unique()):
        ratio = rate_ratio(rows, rung)
        judged = "met" if ratio >= 1 - SAME_RATIO else "missed"
        yield (
            f"samples/s at {copies.max()} times the data, {rung}, of those at {copies.min()} "
            f"(bar: {1 - SAME_RATIO:.2f}): {ratio:.2f}: {judged}"
        )


def _accuracy(rows: pd.DataFrame) -> Iterator[str]:
    orders = by_order(rows)
    intervals = {order: t_interval(part["macro_4_f1"]) for order, part in orders.items()}
    a0, a2 = intervals.get(BASELINE), intervals.get(DEFAULT)
    if a0 is None or a2 is None or a0.low is None or a0.high is None:
        yield "accuracy of A2's order: not measured under two seeds or more"
        return
    judged = "met" if a0.holds(a2.mean) else "missed"
    yield (
        f"macro-F1 of A2's order ({DEFAULT}), inside A0's 95 % interval: {a2.mean:.3f} in "
        f"{a0.low:.3f} to {a0.high:.3f} ({a2.count} and {a0.count} seeds); "
        f"{_paired(orders[DEFAULT], orders[BASELINE])}: {judged}"
    )


def _paired(a2: pd.DataFrame, a0: pd.DataFrame) -> str:
    """What is told and not judged: which differences the seeds do not exclude."""
    found = paired_difference(a2, a0)
    if found is None or found.low is None or found.high is None:
        return "no two seeds have both"
    return (
        f"A2 - A0 seed by seed {found.mean:+.3f} (95 % interval {found.low:+.3f} to "
        f"{found.high:+.3f}, n = {found.count})"
    )


def _line(what: str, by_batch: pd.Series, least: float, form: str = "{:.1f}") -> str:
    """The ratios by batch size; judged by the worst."""
    judged = "met" if by_batch.min() >= least else "missed"
    return f"{what} (bar: {least:g}): {_by_batch(by_batch, form)}: {judged}"


def _by_batch(values: pd.Series, form: str = "{:.1f}") -> str:
    return ", ".join(f"{form.format(value)} at {size}" for size, value in values.items())


def show(config: Bars) -> None:
    """Print the bars of the last runs.

    Raises:
        ResultsError: rows cannot be read.
    """
    print(render(config.results_dir))


if __name__ == "__main__":
    sys.exit(run(Bars, show, "python -m module1_locality.bars", __doc__ or ""))
