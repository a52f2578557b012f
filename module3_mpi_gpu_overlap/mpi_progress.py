"""What makes MPI move data while the program computes? A self-test at the start of every run.

Method of the OSU micro-benchmarks (osu_iallreduce): time a non-blocking Allreduce with its wait;
then start one, compute for as long without waiting, and wait. What the whole takes longer than the
computing alone is exposed. This is measured with no help (`library`: MPI's own progress thread, if
it has one), with `polling` (MPI_Testall between steps) and with a helper `thread`. The computing is
a fixed amount of work, so that a thread that takes its core away is seen. Polls come as often for
each byte as they will in the run: a large model on a slow link has few, and MPI stops in between.
How often a thread calls follows from the Allreduce alone: a few times while the network empties
what a socket's buffers hold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from mpi4py import MPI

from module3_mpi_gpu_overlap.config import Progress
from module3_mpi_gpu_overlap.launch import AgreedError
from module3_mpi_gpu_overlap.layer_polls import STEP_BYTES
from module3_mpi_gpu_overlap.progress_helper import (
    SHORTEST_INTERVAL_S,
    ProgressHelper,
    progress_helper,
)

MESSAGE_FLOATS = 1 << 20  # 4 MiB: beyond any eager protocol, so that progress needs work
TRIALS = 7  # fewer on a network so slow that they would take longer than BUDGET_S
FEWEST_TRIALS = 2
BUDGET_S = 6.0
MOST_POLLS = 10  # in one message's time, where rounds have at least as many for its bytes
LAYER_POLLS = 100  # where they poll after every layer
CLEARLY_PERCENT = 20.0  # a more costly method must hide so much more: trials may be two only
CALLS = 8.0  # of a thread, while the network empties a socket's buffers
ALONE_PERCENT = 50.0  # a library that hides less does not progress by itself


@dataclass(frozen=True)
class SelfTest:
    """Share of an Allreduce that hides behind computing, 0 to 100, and what to use."""

    unaided_percent: float
    polling_percent: float
    thread_percent: float | None  # None if MPI was started without MPI_THREAD_MULTIPLE
    chosen: Progress
    interval_s: float  # from one of a thread's calls of MPI to the next


def self_test(
    comm: MPI.Intracomm, requested: Progress = "auto", polls: int = MOST_POLLS
) -> SelfTest:
    """Measure the three methods and choose the requested or the best one; collective.

    Args:
        comm: all ranks.
        requested: what was asked for; `auto` takes the best.
        polls: times that the program calls MPI while one message of the test is under way.

    Raises:
        AgreedError: a thread is requested and MPI was not started for threads.
    """
    threads = MPI.Query_thread() == MPI.THREAD_MULTIPLE
    if requested == "thread" and not threads:
        raise AgreedError("this MPI was not started for several threads: use --progress polling")
    buffer = np.ones(MESSAGE_FLOATS, np.float32)
    none = Computing(steps=0, units=0)
    _trial(comm, buffer, none)  # connections and pages are set up on first use
    trials = trials_of(_slowest_rank(comm, [_trial(comm, buffer, none)]))
    alone_s = _slowest_rank(comm, [_trial(comm, buffer, none) for _ in range(trials)])
    interval_s = interval_of(buffer.nbytes, alone_s)
    computing = Computing(polls, _units_of(comm, alone_s / polls))

    def hidden_percent(method: Progress) -> float:
        computing_s, beside_s = [], []
        with progress_helper(comm, method, interval_s) as helper:
            for _ in range(trials):  # in turns, so that a busy moment meets both
                computing_s.append(_computing_s(comm, computing))
                beside_s.append(_trial(comm, buffer, computing, helper))
        exposed_s = _slowest_rank(comm, beside_s) - _slowest_rank(comm, computing_s)
        return 100.0 * min(1.0, max(0.0, 1.0 - exposed_s / alone_s))

    library, polling = hidden_percent("library"), hidden_percent("polling")
    threaded = hidden_percent("thread") if threads else None
    chosen = best_method(library, polling, threaded) if requested == "auto" else requested
    return SelfTest(library, polling, threaded, chosen, interval_s)


def interval_of(message_bytes: int, alone_s: float) -> float:
    """Seconds between two of a thread's calls: a part of what a socket's buffers take to empty.

    Args:
        message_bytes: of an Allreduce.
        alone_s: how long it takes with nothing beside it.
    """
    return max(SHORTEST_INTERVAL_S, alone_s * STEP_BYTES / message_bytes / CALLS)


def polls_of(payload_bytes: int, local_steps: int) -> int:
    """Polls in the test that are as many for each byte as a round's, one after each local step."""
    message_bytes = MESSAGE_FLOATS * np.dtype(np.float32).itemsize
    return max(1, min(MOST_POLLS, round(local_steps * message_bytes / max(payload_bytes, 1))))


def trials_of(alone_s: float) -> int:
    """How many trials there is time for: each is a sum alone and three beside as much computing."""
    return max(min(TRIALS, FEWEST_TRIALS), min(TRIALS, int(BUDGET_S / (7 * alone_s))))


def best_method(library: float, polling: float, thread: float | None) -> Progress:
    """The method that hides most, of those that hide about as much the least costly one.

    Polling costs next to nothing; so the library is left alone only where it hides by itself.
    """
    most = max(library, polling, thread or 0.0) - CLEARLY_PERCENT
    if library >= max(most, ALONE_PERCENT):
        return "library"
    return "polling" if polling >= most else "thread"


@dataclass(frozen=True)
class Computing:
    """So many steps, each of so many small products."""

    steps: int
    units: int


def _trial(
    comm: MPI.Intracomm,
    buffer: np.ndarray,
    computing: Computing,
    helper: ProgressHelper | None = None,
) -> float:
    """Seconds of an Allreduce with computing between its start and its wait."""
    helper = helper or ProgressHelper()
    comm.Barrier()
    start_s = MPI.Wtime()
    request = comm.Iallreduce(MPI.IN_PLACE, buffer, MPI.MAX)
    helper.resume()
    _compute(computing, request.Test if helper.polls else lambda: None)
    helper.pause()
    request.Wait()
    return MPI.Wtime() - start_s


def _computing_s(comm: MPI.Intracomm, computing: Computing) -> float:
    comm.Barrier()
    start_s = MPI.Wtime()
    _compute(computing, lambda: None)
    return MPI.Wtime() - start_s


def _compute(computing: Computing, between: Callable[[], object]) -> None:
    """In torch: without Python's lock, as training."""
    matrix = torch.full((64, 64), 1 / 64)
    for _ in range(computing.steps):
        for _ in range(computing.units):
            matrix = matrix @ matrix
        between()


def _units_of(comm: MPI.Intracomm, step_s: float) -> int:
    """Products in a step that takes so long on the slowest rank, while all compute; collective."""
    some = Computing(steps=10, units=10)
    _compute(some, lambda: None)
    samples_s = [_computing_s(comm, some) / (some.steps * some.units) for _ in range(3)]
    return max(1, round(step_s / _slowest_rank(comm, samples_s)))


def _slowest_rank(comm: MPI.Intracomm, samples_s: list[float]) -> float:
    slowest: float = comm.allreduce(median(samples_s), MPI.MAX)
    return slowest
