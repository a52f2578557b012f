"""Time the contestants of one cell in turns: a raw sample is the mean of many calls."""

import random
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from crossscale_results import Row
from module2_openmp_conv.columns import Convolution, ConvolutionMeasurement
from module2_openmp_conv.config import Cell
from module2_openmp_conv.contestants import TORCHS, Problem, Run, contestants
from module2_openmp_conv.correctness import max_error_ratio
from module2_openmp_conv.extension import isa


def problem_of(cell: Cell, windows: Tensor, seed: int) -> Problem:
    """Real windows stacked to [batch, in_channels, length], and random weights.

    Args:
        cell: the shapes.
        windows: float32 [n, length]; used again from the start where there are too few.
        seed: seed of the weights.
    """
    count = cell.batch_size * cell.in_channels
    # Spread over the database: neighbours are nearly the same beat of the same patient.
    rows = torch.arange(count) * max(1, len(windows) // count) % len(windows)
    generator = torch.Generator().manual_seed(seed)
    shape = (cell.out_channels, cell.in_channels, cell.kernel_width)
    weight = torch.randn(shape, generator=generator) / (shape[1] * shape[2]) ** 0.5
    return Problem(
        input=windows[rows].reshape(cell.batch_size, cell.in_channels, cell.length).contiguous(),
        weight=weight,
        bias=torch.randn(cell.out_channels, generator=generator),
    )


@torch.inference_mode()
def rows_of_cell(
    cell: Cell, problem: Problem, repeats: int, sample_ms: float, seed: int
) -> Iterator[Row]:
    """One row for each contestant and repeat; everyone is checked before anyone is timed.

    Raises:
        UserError: a contestant is wrong.
    """
    runs = contestants(cell, problem)
    errors = {name: max_error_ratio(name, run(), problem) for name, run in runs.items()}
    calls = {name: _calls_filling(run, sample_ms) for name, run in runs.items()}
    order = random.Random(seed)
    for repeat in range(repeats):
        for name in order.sample(list(runs), k=len(runs)):
            call_s = _mean_call_s(runs[name], calls[name])
            yield Row(
                _convolution(name, cell, calls[name]),
                _measurement(cell, call_s, errors[name]),
                seed,
                repeat,
            )


def _calls_filling(run: Run, sample_ms: float) -> int:
    """Calls that take at least `sample_ms`, found by doubling, which warms up, too."""
    calls = 1
    while (elapsed_s := _mean_call_s(run, calls) * calls) < sample_ms / 1e3:
        calls = max(2 * calls, int(calls * sample_ms / 1e3 / max(elapsed_s, 1e-6)) // 2)
    return calls


def _mean_call_s(run: Run, calls: int) -> float:
    run()  # brings caches and threads back from the contestant before
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def _convolution(name: str, cell: Cell, calls: int) -> Convolution:
    return Convolution(
        contestant=name,
        kernels_isa="none" if name in TORCHS else "portable" if name == "naive" else isa(),
        batch_size=cell.batch_size,
        in_channels=cell.in_channels,
        out_channels=cell.out_channels,
        kernel_width=cell.kernel_width,
        length=cell.length,
        calls_count=calls,
    )


def _measurement(cell: Cell, call_s: float, error: float) -> ConvolutionMeasurement:
    in_values = cell.batch_size * cell.in_channels * cell.length
    out_values = cell.batch_size * cell.out_channels * cell.length
    weights = cell.out_channels * (cell.in_channels * cell.kernel_width + 1)
    return ConvolutionMeasurement(
        call_us=call_s * 1e6,
        convolved_gflop_per_s=2e-9 * out_values * cell.in_channels * cell.kernel_width / call_s,
        moved_gb_per_s=4e-9 * (in_values + out_values + weights) / call_s,
        max_error_ratio=error,
    )
