"""`python -m module2_openmp_conv.bench`: time convolutions and their gradients by contestant."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from crossscale_data import find_source, load_windows
from crossscale_results import Provenance, Row, append_rows, collect
from crossscale_results.cli import run
from module2_openmp_conv import workers
from module2_openmp_conv.columns import CONVOLUTION_TABLE, MACHINE_TABLE
from module2_openmp_conv.config import Bench, set_threads
from module2_openmp_conv.dry_run import render_plan
from module2_openmp_conv.extension import isa
from module2_openmp_conv.grid import Cell
from module2_openmp_conv.measure import entrants, rows_of_cell
from module2_openmp_conv.peers import absent_peers
from module2_openmp_conv.plan import PROBE_REPEATS, Plan, plan_of
from module2_openmp_conv.probes import memory_array_bytes, probe_rows
from module2_openmp_conv.problem import problem_of
from module2_openmp_conv.summary import print_summary

WINDOWS_READ = 4096  # spread over the whole database


def bench(config: Bench, cells: Sequence[Cell] | None = None) -> None:
    """Time every cell, append the raw samples and print a summary; or print the plan.

    Args:
        config: see there.
        cells: the grid; the options' if none. Threads that are not told are the options'.

    Raises:
        UserError: an option is wrong, the data cannot be read, the kernels are not built, a
            contestant computes something wrong, or a worker process ends.
    """
    set_threads(config.threads)
    threads = torch.get_num_threads()
    plan = plan_of(config, threads, cells)
    if config.dry_run:
        print(render_plan(config, plan))
        return
    kernels_isa = isa()  # fails here, before the data are prepared, if the kernels are not built
    source = find_source(config.data_dir)
    print(f"{source}; {threads} threads; kernels {kernels_isa}")
    samples = load_windows(source).samples
    chosen = np.linspace(0, len(samples) - 1, num=min(WINDOWS_READ, len(samples)), dtype=np.int64)
    windows = torch.from_numpy(np.array(samples[chosen]))

    provenance = collect(source.dataset, plan.profile)
    array_bytes, is_capped = memory_array_bytes()
    print(_memory_note(array_bytes, is_capped))
    machine = _probed(config, provenance, plan, array_bytes, first_repeat=0)
    rows: list[Row] = []
    with workers.start(plan.workers, windows) as running:
        for cell in tqdm(plan.cells, unit="cell"):
            measured = _measured(plan, cell, windows, config.seed, running)
            append_rows(CONVOLUTION_TABLE, config.results_dir, provenance, measured)
            rows += measured
    # Again: on a shared machine, what there is to be had comes and goes.
    machine += _probed(config, provenance, plan, array_bytes, PROBE_REPEATS)
    print_summary(_frame(rows), _frame(machine), absent_peers() if plan.peers else {})


def _measured(
    plan: Plan, cell: Cell, windows: Tensor, seed: int, running: Sequence[workers.Worker]
) -> list[Row]:
    problem = problem_of(cell, windows, seed)
    taking_part = entrants(problem, seed, running, plan.peers)
    return list(rows_of_cell(problem, taking_part, plan.repeats, plan.sample_ms, seed))


def _probed(
    config: Bench, provenance: Provenance, plan: Plan, array_bytes: int, first_repeat: int
) -> list[Row]:
    repeats = range(first_repeat, first_repeat + PROBE_REPEATS)
    rows = list(probe_rows(plan.probed_threads, array_bytes, repeats))
    append_rows(MACHINE_TABLE, config.results_dir, provenance, rows)
    return rows


def _memory_note(array_bytes: int, is_capped: bool) -> str:
    why = "as much as free memory allows" if is_capped else "well beyond the caches"
    return f"memory's bandwidth is measured with arrays of {array_bytes >> 20} MiB, {why}"


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        [{**asdict(row.config), **asdict(row.measurement), "repeat": row.repeat} for row in rows]
    )


if __name__ == "__main__":
    sys.exit(run(Bench, bench, "python -m module2_openmp_conv.bench", __doc__ or ""))
