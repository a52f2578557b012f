"""The paper's claim about module 2, beside what was measured here."""

from pathlib import Path

import pandas as pd

from crossscale_results import Claim, read_table
from crossscale_results.reader import has_rows
from module2_openmp_conv.columns import CONVOLUTION_TABLE
from module2_openmp_conv.contestants import REWRITES, TORCHS
from module2_openmp_conv.grid import PAPER
from module2_openmp_conv.ratios import grid_ratio
from module2_openmp_conv.speedup import geometric_mean, latest_run, papers_grid, speedups

COMMAND = "python -m module2_openmp_conv.bench --profile paper"
CLAIMED_LOW, CLAIMED_HIGH = 2.0, 3.5
_MODULE = "module 2"
_OVER_CONV1D = "2×–3.5× over PyTorch's conv1d, by batch size and kernel width"
_OVER_BEST = "the same, here over the best of torch's configurations in each cell"
_OVER_ALL = "the same, rewrites with torch's other operators (shifted slices, unfold) included"


def claims(results_dir: Path) -> list[Claim]:
    """Speed-ups in the paper's grid (one channel to one), in the last run of the bench.

    The verdict is the worst cell's, so an interrupted run, which lacks some, has none.
    """
    if not has_rows(CONVOLUTION_TABLE, results_dir):
        return [Claim(_MODULE, _OVER_CONV1D, "no rows", "not measured", COMMAND)]
    rows = papers_grid(latest_run(read_table(CONVOLUTION_TABLE, results_dir)))
    if rows.empty:
        return [
            Claim(_MODULE, _OVER_CONV1D, "no rows of the paper's grid", "not measured", COMMAND)
        ]
    return [
        _claim(_OVER_CONV1D, rows, ("torch",)),
        _claim(_OVER_BEST, rows, TORCHS),
        _claim(_OVER_ALL, rows, (*TORCHS, *REWRITES)),
    ]


def _claim(paper: str, rows: pd.DataFrame, against: tuple[str, ...]) -> Claim:
    cells = speedups(rows, against)
    least, most = cells["median"].min(), cells["median"].max()
    measured = (
        f"median of cells {cells['median'].median():.1f}×, geometric mean "
        f"{geometric_mean(cells['median']):.1f}×, from {least:.1f}× to {most:.1f}× "
        f"({len(cells)} cells, n = {cells['n'].min()} each, "
        f"threads: {rows['threads_count'].iloc[0]}, {rows['cpu_model'].iloc[0]})"
    )
    evidence = tuple(grid_ratio(rows, "geometric mean", against))
    verdict = _verdict(float(least))
    there = set(zip(cells["batch_size"], cells["kernel_width"], strict=True))
    whole = {(cell.batch_size, cell.kernel_width) for cell in PAPER}
    if there < whole:
        verdict = "not measured"
        measured = f"{len(there)} of the {len(whole)} cells of the paper's grid: {measured}"
    return Claim(_MODULE, paper, measured, verdict, COMMAND, evidence)


def _verdict(least: float) -> str:
    """Reproduced if every cell reaches the claim's lower end; exceeded if all pass its upper."""
    if least > CLAIMED_HIGH:
        return "exceeded"
    return "reproduced" if least >= CLAIMED_LOW else "not reproduced"
