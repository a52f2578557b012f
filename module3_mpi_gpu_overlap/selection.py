"""Which rows figures and claims look at: one profile's, dataset's, machine's and code's."""

from pathlib import Path

import pandas as pd

from crossscale_results.reader import has_rows, read_table
from crossscale_results.table import Table
from module3_mpi_gpu_overlap.config import Experiment

PROFILES = ("paper", "quick")  # the first that was run is shown
# A bench is many runs; these columns tell one bench's rows from another's.
ONE_BENCH = ["dataset", "machine_id", "accelerator", "suite_version", "git_revision", "git_dirty"]


def per_round(rows: pd.DataFrame, parts: list[str]) -> pd.DataFrame:
    """One row for each round: the mean over its ranks of what they spent on each part.

    Indexed by world_size and mode; `round_s` (the slowest rank's) is the same on all its ranks.
    """
    keys = ["world_size", "mode", "run_id", "round_index"]
    return rows.groupby(keys)[[*parts, "round_s"]].mean().astype(float).droplevel([2, 3])


def warm_rounds(rows: pd.DataFrame) -> pd.DataFrame:
    """Without each run's first round, which warms up what follows."""
    return rows[rows["round_index"] > 0]


def last_run(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that were written last together."""
    return rows[rows["run_id"] == rows["run_id"].iloc[-1]]


def on_device(rows: pd.DataFrame) -> str:
    """`, on cuda` of rounds that an accelerator trained; nothing of those on a CPU."""
    device = rows["device_type"].iloc[-1]
    return "" if device == "cpu" else f", on {device}"


def crowded_words(rows: pd.DataFrame) -> str:
    """What the asterisk of a crowded world says of such rounds."""
    return "more ranks than cores" + (" or accelerators" if on_device(rows) else "")


def profile_rows(
    table: Table, results_dir: Path, experiment: Experiment | None = None
) -> pd.DataFrame | None:
    """The rows of the largest profile that was run, as it was run last; None if there are none.

    `experiment` is the command whose rows they must be, in tables that several write.
    """
    if not has_rows(table, results_dir):
        return None
    frame = read_table(table, results_dir)
    if experiment:
        frame = frame[frame["experiment"] == experiment]
    for profile in PROFILES:
        rows = frame[frame["profile"] == profile]
        if len(rows):
            last = rows[ONE_BENCH].iloc[-1]
            return rows[(rows[ONE_BENCH] == last).all(axis=1)]
    return None
