"""A run of the ladder as a table: every rung's step, and how near it comes to compute only."""

from pathlib import Path

import pandas as pd

from crossscale_results import read_table
from module1_locality.columns import LADDER_TABLE
from module1_locality.rungs import RUNGS
from module1_locality.summary import (
    latest_run,
    median_and_quartiles,
    of_control_percent,
    rungs_in,
)


def ladder_markdown(results_dir: Path) -> str:
    """The last run's medians, a row for each rung that was measured, a column for each batch size.

    Raises:
        ResultsError: there are no such rows, or they cannot be read.
    """
    ladder = latest_run(read_table(LADDER_TABLE, results_dir))
    ladder = ladder[ladder["step_ms"].notna()]
    sizes = sorted(ladder["batch_size"].unique())
    lines = [
        f"| rung | {' | '.join(f'batch {size}' for size in sizes)} |",
        "|---" * (1 + len(sizes)) + "|",
    ]
    for name in rungs_in(ladder["rung"]):
        cells = (_cell(ladder, name, size) for size in sizes)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    accelerator, cpu = ladder[["accelerator", "cpu_model"]].iloc[0]
    on = cpu if accelerator == "none" else accelerator
    repeats = f"{ladder['repeat'].nunique()} repeats, each a fresh process"
    return "\n".join([*lines, "", f"Medians of {repeats}; {on}."])


def _cell(ladder: pd.DataFrame, name: str, batch_size: int) -> str:
    """The step, and the throughput over the rung's control in the same repeat."""
    rows = ladder[(ladder["rung"] == name) & (ladder["batch_size"] == batch_size)]
    step = f"{median_and_quartiles(rows['step_ms'])[0]:.2f} ms"
    if RUNGS[name].is_control:
        return step
    share = of_control_percent(ladder, name, batch_size)
    return f"{step}, {median_and_quartiles(share)[0]:.0f} %"
