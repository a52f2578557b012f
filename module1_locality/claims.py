"""The paper's claim for module 1 beside what was measured here."""

from pathlib import Path

import pandas as pd

from crossscale_results import Claim, read_table
from crossscale_results.ratios import Ratio
from crossscale_results.reader import has_rows
from module1_locality.columns import LADDER_TABLE
from module1_locality.ratios import throughput_ratios
from module1_locality.rungs import CONTROL
from module1_locality.summary import gain_percent, latest_run, median_and_quartiles

PAPER = "data locality and asynchronous copies raise GPU training throughput by 15 to 25 %"
# A0 gathers window by window: to gather a batch at once is neither locality nor asynchrony.
BESIDE_A_BATCHED_GATHER = "the same, here beside a batched gather (A1)"
PAPER_PERCENT = (15.0, 25.0)
COMMAND = "python -m module1_locality.bench --profile paper"
_RUNG = "A5"
_OVER = {"A0": PAPER, "A1": BESIDE_A_BATCHED_GATHER}


def claims(results_dir: Path) -> list[Claim]:
    """Throughput over A0's and over A1's, by runs on an accelerator if there is one."""
    if not has_rows(LADDER_TABLE, results_dir):
        return [_claim(over, "the bench was not run", "not measured") for over in _OVER]
    frame = read_table(LADDER_TABLE, results_dir)
    on_accelerator = frame[frame["device"] != "cpu"]
    if on_accelerator.empty:
        return [_judged(frame, over, "no accelerator; on the CPU instead: ") for over in _OVER]
    return [_judged(on_accelerator, over) for over in _OVER]


def _judged(frame: pd.DataFrame, over: str, instead: str = "") -> Claim:
    """By the last run that has all rungs of both claims, else by the last that has this pair."""
    ladder = _last_run_with({*_OVER, _RUNG}, frame)
    if ladder is None:
        ladder = _last_run_with({over, _RUNG}, frame)
    if ladder is None:
        return _claim(over, f"no run has the pair of {over} and {_RUNG}", "not measured")
    gains = _gains(ladder, over)
    text = instead + "; ".join(_said(ladder, over, batch_size) for batch_size in gains)
    if ladder["dataset"].iloc[0] == "synthetic":
        text += "; on SYNTHETIC data"
    profile = ladder["profile"].iloc[0]
    if profile == "custom":
        text += "; by a run of its own batch sizes, repeats or options (profile: custom)"
    verdict = "not measured" if instead else _verdict(gains)
    pairs = [(_RUNG, over)]
    return _claim(over, text, verdict, profile, tuple(throughput_ratios(ladder, pairs)))


def _last_run_with(rungs: set[str], frame: pd.DataFrame) -> pd.DataFrame | None:
    """The last run that measured all of them at one batch size or more."""
    measured = frame[frame["trained_samples_per_s"].notna() & frame["rung"].isin(rungs)]
    found = measured.groupby(["run_id", "batch_size"])["rung"].nunique()
    runs = set(found[found == len(rungs)].index.get_level_values("run_id"))
    return latest_run(frame[frame["run_id"].isin(runs)]) if runs else None


def _gains(ladder: pd.DataFrame, over: str) -> dict[int, float]:
    """Median gain of A5 over that rung in %, by batch size, where both were measured."""
    found = {}
    for batch_size in sorted(ladder["batch_size"].unique()):
        gain = gain_percent(ladder, _RUNG, over, batch_size)
        if not gain.empty:
            found[int(batch_size)] = median_and_quartiles(gain)[0]
    return found


def _said(ladder: pd.DataFrame, over: str, batch_size: int) -> str:
    gains = gain_percent(ladder, _RUNG, over, batch_size)
    gain, low, high, count = median_and_quartiles(gains)
    most = median_and_quartiles(gain_percent(ladder, CONTROL.name, over, batch_size))[0]
    return (
        f"batch {batch_size}: {_RUNG} over {over} {gain:+.1f} % samples/s (IQR {low:+.1f} to "
        f"{high:+.1f}, n = {count}), ceiling {most:+.1f} %"
    )


def _verdict(gains: dict[int, float]) -> str:
    """By the median over batch sizes, since the paper names none."""
    gain = float(pd.Series(gains).median())
    if gain < PAPER_PERCENT[0]:
        return "not reproduced"
    return "reproduced" if gain <= PAPER_PERCENT[1] else "exceeded"


def _claim(
    over: str,
    measured: str,
    verdict: str,
    profile: str = "paper",
    evidence: tuple[Ratio, ...] = (),
) -> Claim:
    command = COMMAND.replace("paper", "quick") if profile == "quick" else COMMAND
    return Claim("module 1", _OVER[over], measured, verdict, command, evidence)
