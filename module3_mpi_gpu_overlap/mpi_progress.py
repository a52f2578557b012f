"""Does MPI move data while the program computes, or only inside MPI calls?

Method of the OSU micro-benchmarks (osu_iallreduce): time a non-blocking Allreduce with its wait;
then start one, compute for as long without calling MPI, and wait. If MPI progresses by itself the
wait finds everything done.
"""

from statistics import median

import numpy as np
from mpi4py import MPI

MESSAGE_FLOATS = 1 << 20  # 4 MiB: beyond any eager protocol, so that progress needs work
TRIALS = 7


def progress_overlap_percent(comm: MPI.Intracomm) -> float:
    """Share of an Allreduce's time that hides behind computing, 0 to 100; collective."""
    buffer = np.ones(MESSAGE_FLOATS, np.float32)
    _trial(comm, buffer, 0.0)  # connections and pages are set up on first use
    alone_s = _slowest_rank(comm, [_trial(comm, buffer, 0.0) for _ in range(TRIALS)])
    beside_s = _slowest_rank(comm, [_trial(comm, buffer, alone_s) for _ in range(TRIALS)])
    exposed_s = beside_s - alone_s
    return 100.0 * min(1.0, max(0.0, 1.0 - exposed_s / alone_s))


def _trial(comm: MPI.Intracomm, buffer: np.ndarray, compute_s: float) -> float:
    comm.Barrier()
    start_s = MPI.Wtime()
    request = comm.Iallreduce(MPI.IN_PLACE, buffer, MPI.MAX)
    _compute(compute_s)
    request.Wait()
    return MPI.Wtime() - start_s


def _compute(seconds: float) -> None:
    end_s = MPI.Wtime() + seconds  # MPI_Wtime reads a clock; it does not make MPI progress
    value = 1.0
    while MPI.Wtime() < end_s:
        value = value * 0.5 + 1.0


def _slowest_rank(comm: MPI.Intracomm, samples_s: list[float]) -> float:
    slowest: float = comm.allreduce(median(samples_s), MPI.MAX)
    return slowest
