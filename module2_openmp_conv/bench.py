"""`python -m module2_openmp_conv.bench`: time a forward convolution by each contestant."""

import sys

import numpy as np
import torch
from tqdm import tqdm

from crossscale_data import find_source, load_windows
from crossscale_results import append_rows, collect
from crossscale_results.cli import run
from module2_openmp_conv.columns import CONVOLUTION_TABLE
from module2_openmp_conv.config import (
    PROFILES,
    Bench,
    Cell,
    check_positive,
    check_seed,
    set_threads,
)
from module2_openmp_conv.extension import isa
from module2_openmp_conv.measure import problem_of, rows_of_cell
from module2_openmp_conv.summary import print_summary

WINDOWS_READ = 4096  # spread over the whole database


def bench(config: Bench, cells: tuple[Cell, ...] | None = None) -> None:
    """Time every cell, append the raw samples to the convolution table and print a summary.

    Args:
        config: see there.
        cells: the grid; the profile's if none.

    Raises:
        UserError: an option is wrong, the data cannot be read, the kernels are not built, or a
            contestant computes something wrong.
    """
    check_positive(repeats=config.repeats)
    check_seed(config.seed)
    set_threads(config.threads)
    profile = PROFILES[config.profile]
    kernels_isa = isa()  # fails here, before the data are prepared, if the kernels are not built
    source = find_source(config.data_dir)
    print(f"{source}; {torch.get_num_threads()} threads; kernels {kernels_isa}")
    samples = load_windows(source).samples
    chosen = np.linspace(0, len(samples) - 1, num=min(WINDOWS_READ, len(samples)), dtype=np.int64)
    windows = torch.from_numpy(np.array(samples[chosen]))

    custom = cells is not None or config.repeats is not None
    provenance = collect(source.dataset, "custom" if custom else config.profile)
    rows = []
    for cell in tqdm(profile.cells if cells is None else cells, unit="cell"):
        problem = problem_of(cell, windows, config.seed)
        repeats = config.repeats or profile.repeats
        measured = list(rows_of_cell(cell, problem, repeats, profile.sample_ms, config.seed))
        append_rows(CONVOLUTION_TABLE, config.results_dir, provenance, measured)
        rows += measured
    print_summary(rows)


if __name__ == "__main__":
    sys.exit(run(Bench, bench, "python -m module2_openmp_conv.bench", __doc__ or ""))
