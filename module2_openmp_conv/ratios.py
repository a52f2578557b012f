"""Module 2's ratios within one run: torch's time over ours, by repeat."""

from pathlib import Path

import numpy as np
import pandas as pd

from crossscale_results import read_table
from crossscale_results.ratios import Ratio, ratio_of
from crossscale_results.reader import has_rows
from module2_openmp_conv.columns import CONVOLUTION_TABLE, TRAINING_TABLE
from module2_openmp_conv.grid import LATENCY, TINYECG, Cell
from module2_openmp_conv.speedup import CELL, latest_run, papers_grid, whole_team

MODULE = "module 2"


def ratios(results_dir: Path) -> list[Ratio]:
    """All that there are rows for, each of the last run of its table.

    Over `torch` as it is: who else takes part depends on the profile.
    """
    found = []
    if has_rows(CONVOLUTION_TABLE, results_dir):
        rows = latest_run(read_table(CONVOLUTION_TABLE, results_dir))
        team = f"{rows['threads'].max()} threads"
        found += grid_ratio(papers_grid(rows), f"the paper's grid, {team}", ("torch",))
        warm = whole_team(rows)
        for operation in dict.fromkeys(cell.operation for cell in TINYECG):
            layers = _of(warm, [cell for cell in TINYECG if cell.operation == operation])
            found += grid_ratio(layers, f"TinyECG's layers, {operation}, {team}", ("torch",))
        found += grid_ratio(_of(warm, list(LATENCY)), f"one beat at a time, {team}", ("torch",))
    if has_rows(TRAINING_TABLE, results_dir):
        found += training_ratios(latest_run(read_table(TRAINING_TABLE, results_dir)))
    return found


def grid_ratio(rows: pd.DataFrame, what: str, against: tuple[str, ...]) -> list[Ratio]:
    """The geometric mean over cells of the speed-up over the best of `against`, by repeat.

    Args:
        rows: rows of the convolution table, of one run.
        what: which cells they are.
        against: contestants; in each cell the one whose median time is least counts.
    """
    logarithms = []
    for _, samples in rows.groupby(CELL):
        times = samples.pivot_table(index="repeat", columns="contestant", values="call_us")
        others = [name for name in against if name in times]
        if others and "crossscale" in times:
            best = times[others].median().idxmin()
            speedup = (times[best] / times["crossscale"]).astype(float)
            logarithms.append(pd.Series(np.log(speedup.to_numpy()), speedup.index))
    if not logarithms:
        return []
    # A repeat in which a cell is missing has no mean over the same cells.
    mean = np.exp(pd.concat(logarithms, axis=1).dropna().mean(axis=1))
    cells = f"{len(logarithms)} cell{'' if len(logarithms) == 1 else 's'}"
    name = f"torch's time over ours, {what}, {cells}"
    return ratio_of(MODULE, name, mean, pd.Series(1.0, mean.index))


def training_ratios(rows: pd.DataFrame) -> list[Ratio]:
    """An epoch's time with torch over that with our fused kernels."""
    times = rows.pivot_table(index="epoch", columns="kernel", values="epoch_s")
    if not {"torch", "crossscale_fused"} <= set(times):
        return []
    name = f"torch's time over ours, an epoch of {rows['model'].iloc[0]}"
    return ratio_of(MODULE, name, times["torch"], times["crossscale_fused"])


def _of(rows: pd.DataFrame, cells: list[Cell]) -> pd.DataFrame:
    """The rows of those cells, whatever their number of threads."""
    columns = [column for column in CELL if column != "threads"]
    wanted = {tuple(getattr(cell, column) for column in columns) for cell in cells}
    there = pd.Series(
        [tuple(row) in wanted for row in rows[columns].itertuples(index=False)],
        index=rows.index,
        dtype=bool,
    )
    return rows[there]
