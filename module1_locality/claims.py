"""The paper's claim for module 1 beside what was measured here."""

from pathlib import Path

import pandas as pd

from crossscale_results import Claim, read_table
from crossscale_results.ratios import Ratio
from crossscale_results.reader import has_rows
from module1_locality.columns import LADDER_TABLE
from module1_locality.ratios import training_ratios
from module1_locality.summary import (
    ceiling_percent,
    gain_percent,
    latest_run,
    median_and_quartiles,
)

PAPER = "data locality and asynchronous copies raise GPU training throughput by 15 to 25 %"
PAPER_PERCENT = (15.0, 25.0)
COMMAND = "python -m module1_locality.bench --profile paper"


def claims(results_dir: Path) -> list[Claim]:
    """The throughput claim, judged by the latest run on an accelerator if there is one."""
    if not has_rows(LADDER_TABLE, results_dir):
        return [_claim("the bench was not run", "not measured")]
    frame = read_table(LADDER_TABLE, results_dir)
    on_accelerator = frame[frame["device"] != "cpu"]
    ladder = latest_run(frame if on_accelerator.empty else on_accelerator)
    gains = _gains(ladder)
    if not gains:
        return [_claim("the latest run has no pair of A0 and A5", "not measured")]
    text = "; ".join(_said(ladder, batch_size) for batch_size in gains)
    if ladder["dataset"].iloc[0] == "synthetic":
        text += "; on SYNTHETIC data"
    evidence = tuple(ratio for ratio in training_ratios(ladder) if ", A5 over A0, " in ratio.name)
    if on_accelerator.empty:
        text = f"no accelerator; on the CPU instead: {text}"
        return [_claim(text, "not measured", evidence)]
    return [_claim(text, _verdict(gains), evidence)]


def _gains(ladder: pd.DataFrame) -> dict[int, float]:
    """Median gain of A5 over A0 in %, by batch size, where both were measured."""
    found = {}
    for batch_size in sorted(ladder["batch_size"].unique()):
        gain = gain_percent(ladder, "A5", "A0", batch_size)
        if not gain.empty:
            found[int(batch_size)] = median_and_quartiles(gain)[0]
    return found


def _said(ladder: pd.DataFrame, batch_size: int) -> str:
    gain, low, high, count = median_and_quartiles(gain_percent(ladder, "A5", "A0", batch_size))
    ceiling = median_and_quartiles(ceiling_percent(ladder, batch_size))[0]
    return (
        f"batch {batch_size}: A5 over A0 {gain:+.1f} % samples/s (IQR {low:+.1f} to {high:+.1f}, "
        f"n = {count}), ceiling {ceiling:+.1f} %"
    )


def _verdict(gains: dict[int, float]) -> str:
    """By the median over batch sizes, since the paper names none."""
    gain = float(pd.Series(gains).median())
    if gain < PAPER_PERCENT[0]:
        return "not reproduced"
    return "reproduced" if gain <= PAPER_PERCENT[1] else "exceeded"


def _claim(measured: str, verdict: str, evidence: tuple[Ratio, ...] = ()) -> Claim:
    return Claim("module 1", PAPER, measured, verdict, COMMAND, evidence)
