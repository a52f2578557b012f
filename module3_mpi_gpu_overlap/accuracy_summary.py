"""Rows of `federated_accuracy`, told: each federation's scores over its seeds."""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy import stats

from module3_mpi_gpu_overlap.columns import ROUNDS, SCORES
from module3_mpi_gpu_overlap.ladder import LADDER
from module3_mpi_gpu_overlap.selection import profile_rows

CENTRAL, SUBJECTS = "central", "subjects"
TEST_SET = "DS2"
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and its 95 % interval by Student's t; of one seed there is none."""

    mean: float
    low: float
    high: float
    count: int

    def holds(self, value: float) -> bool:
        """Whether the value is in the interval."""
        return self.low <= value <= self.high


def interval_of(values: pd.Series) -> Interval:
    """Mean and interval of the values; without bounds (infinite ones) if there is only one."""
    count, mean = len(values), float(values.mean())
    if count < 2:
        return Interval(mean, -math.inf, math.inf, count)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    return Interval(mean, mean - half, mean + half, count)


def scored(results_dir: Path) -> pd.DataFrame | None:
    """Scores on DS2 with their federation and the bytes sent by then; None if there are no rows.

    Adds `federation` and `sent_bytes`, what a rank handed to all averages up to that round.
    """
    scores = profile_rows(SCORES, results_dir, "accuracy")
    rounds = profile_rows(ROUNDS, results_dir, "accuracy")
    if scores is None or rounds is None:
        return None
    payload_bytes = rounds.groupby("run_id")["payload_bytes"].first()
    rows = scores[(scores["test_set"] == TEST_SET) & scores["macro_4_f1"].notna()].copy()
    rows["federation"] = [federation_of(row) for row in rows.to_dict("records")]
    averages = (rows["round_index"] + 1) * (rows["world_size"] > 1)
    rows["sent_bytes"] = averages * rows["run_id"].map(payload_bytes)
    return rows


def federation_of(row: dict[object, object]) -> str:
    """What tells a run from the experiment's others."""
    if row["world_size"] == 1:
        return CENTRAL
    if row["clients"] == "subjects":
        return SUBJECTS
    mode, wire = str(row["mode"]), str(row["wire"])
    usual = LADDER[mode].wire
    return mode if wire == usual else f"{mode}, {wire}"


def final(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """By federation, macro-F1 of the last model, by seed."""
    last = rows[rows["round_index"] == rows["rounds"] - 1]
    return {
        str(name): own.set_index("seed")["macro_4_f1"].astype(float)
        for name, own in last.groupby("federation", sort=False)
    }


def rounds_to(rows: pd.DataFrame, federation: str, score: float) -> int | None:
    """Rounds until the mean over seeds is at least `score` for the first time; None if never."""
    own = rows[rows["federation"] == federation]
    means = own.groupby("round_index")["macro_4_f1"].mean()
    reached = means[means >= score]
    return None if reached.empty else int(reached.index[0]) + 1
