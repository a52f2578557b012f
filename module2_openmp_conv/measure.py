"""Time the contestants of one cell in turns: a raw sample is the mean of many calls."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crossscale_results import Row
from module2_openmp_conv.columns import Convolution, ConvolutionMeasurement
from module2_openmp_conv.contestant import Contestant
from module2_openmp_conv.contestants import HISTORY, OURS, contestants
from module2_openmp_conv.correctness import max_error_ratio, references
from module2_openmp_conv.extension import isa, kernels
from module2_openmp_conv.grid import Cell
from module2_openmp_conv.peers import present_peers
from module2_openmp_conv.problem import Problem
from module2_openmp_conv.timing import SETTLE_S, call_s, calls_filling
from module2_openmp_conv.workers import Worker, taking_part


@dataclass(frozen=True)
class Entrant:
    """A contestant wherever it runs."""

    pool: str  # whose threads it runs on
    result: Callable[[], tuple[Tensor, ...]]
    calls_filling: Callable[[float], int]
    call_s: Callable[[int], float]


def entrants(
    problem: Problem, seed: int, workers: Sequence[Worker] = (), peers: bool = False
) -> dict[str, Entrant]:
    """Everyone who takes part in the problem, here and in the workers, by name.

    Args:
        problem: of a cell whose number of threads is filled in.
        seed: the problem's.
        workers: processes that made the problem's windows their own.
        peers: whether torch.compile and ONNX Runtime take part.
    """
    found = {
        name: _local(contestant, problem.cell)
        for name, contestant in contestants(problem, peers).items()
    }
    for worker in workers:
        for name, inside in worker.prepare(problem.cell, seed).items():
            found[name] = _remote(worker, inside)
    return found


def names_taking_part(problem: Problem, kinds: Sequence[str], peers: bool) -> list[str]:
    """The names of `entrants`, without a worker started or a peer's compiler.

    Args:
        problem: of a cell whose number of threads is filled in.
        kinds: of the workers.
        peers: whether torch.compile and ONNX Runtime take part.
    """
    here = list(contestants(problem))
    elsewhere = [name for kind in kinds for name in taking_part(kind, here)]
    return [*here, *(present_peers(problem.cell) if peers else ()), *elsewhere]


def rows_of_cell(
    problem: Problem, taking_part: dict[str, Entrant], repeats: int, sample_ms: float, seed: int
) -> Iterator[Row]:
    """One row for each contestant and repeat; everyone is checked before anyone is timed.

    Raises:
        UserError: a contestant is wrong, or a worker failed.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(_threads(problem.cell))
    try:
        expected = references(problem)
        errors = {
            name: max_error_ratio(name, entrant.result(), expected)
            for name, entrant in taking_part.items()
        }
        del expected
        yield from _samples(problem.cell, taking_part, errors, repeats, sample_ms, seed)
    finally:
        torch.set_num_threads(before)


def _samples(
    cell: Cell,
    taking_part: dict[str, Entrant],
    errors: dict[str, float],
    repeats: int,
    sample_ms: float,
    seed: int,
) -> Iterator[Row]:
    calls, pool = {}, ""
    for name, entrant in taking_part.items():
        pool = _settled(pool, entrant.pool)
        calls[name] = entrant.calls_filling(sample_ms)
    order = random.Random(seed)
    for repeat in range(repeats):
        pool = _settled(pool, "openmp")
        # Beside each repeat: on a shared machine, a core's clock comes and goes.
        peak_gflop_per_s = kernels.peak_gflop_per_s(isa(), _threads(cell), sample_ms / 1e3)
        for name in _turns(taking_part, order):
            pool = _settled(pool, taking_part[name].pool)
            call_s = taking_part[name].call_s(calls[name])
            measured = _measurement(cell, call_s, errors[name], peak_gflop_per_s)
            yield Row(_convolution(name, cell, calls[name]), measured, seed, repeat)


def _turns(taking_part: dict[str, Entrant], order: random.Random) -> list[str]:
    """Everyone once, in random order, but those of one pool in a row: each change costs a pause."""
    pools = list(dict.fromkeys(entrant.pool for entrant in taking_part.values()))
    turns = []
    for pool in order.sample(pools, k=len(pools)):
        members = [name for name, entrant in taking_part.items() if entrant.pool == pool]
        turns += order.sample(members, k=len(members))
    return turns


def _settled(pool: str, next_pool: str) -> str:
    if pool != next_pool:
        time.sleep(SETTLE_S)
    return next_pool


def _local(contestant: Contestant, cell: Cell) -> Entrant:
    how = (_threads(cell), cell.cache)
    return Entrant(
        contestant.pool,
        contestant.result,
        lambda sample_ms: calls_filling(contestant, sample_ms, *how),
        lambda calls: call_s(contestant, calls, *how),
    )


def _remote(worker: Worker, inside: str) -> Entrant:
    return Entrant(
        worker.name,
        lambda: worker.result(inside),
        lambda sample_ms: worker.calls_filling(inside, sample_ms),
        lambda calls: worker.call_s(inside, calls),
    )


def _threads(cell: Cell) -> int:
    return cell.threads or torch.get_num_threads()


def _kernels_isa(name: str) -> str:
    if name == "crossscale_avx2":
        return "avx2"
    if name == "naive":
        return "portable"
    return isa() if name in OURS or name in HISTORY else "none"


def _convolution(name: str, cell: Cell, calls: int) -> Convolution:
    return Convolution(
        contestant=name,
        kernels_isa=_kernels_isa(name),
        operation=cell.operation,
        batch_size=cell.batch_size,
        in_channels=cell.in_channels,
        out_channels=cell.out_channels,
        groups=cell.groups,
        kernel_width=cell.kernel_width,
        dilation=cell.dilation,
        length=cell.length,
        threads=_threads(cell),
        cache=cell.cache,
        calls_count=calls,
    )


def _measurement(
    cell: Cell, call_s: float, error: float, peak_gflop_per_s: float
) -> ConvolutionMeasurement:
    return ConvolutionMeasurement(
        call_us=call_s * 1e6,
        convolved_gflop_per_s=2e-9 * cell.multiply_adds / call_s,
        moved_gb_per_s=1e-9 * cell.moved_bytes / call_s,
        max_error_ratio=error,
        peak_gflop_per_s=peak_gflop_per_s,
    )
