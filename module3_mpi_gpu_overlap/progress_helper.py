"""What lets MPI progress while the program computes: polling between steps, or a thread.

The thread looks for a message that never comes, on a communicator of its own: any MPI call makes
the library move what is under way, and so no request is touched by two threads. It calls MPI no
more often than the network has something to move: each call takes the core away from training.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mpi4py import MPI

from module3_mpi_gpu_overlap.config import Progress

SHORTEST_INTERVAL_S = 2e-4


class ProgressThread:
    """Makes MPI calls between `wanted.set()` and `wanted.clear()`; needs MPI_THREAD_MULTIPLE."""

    def __init__(self, comm: MPI.Intracomm, interval_s: float) -> None:
        """Start it, with nothing wanted; collective."""
        self._comm, self._interval_s = comm.Dup(), interval_s
        self.wanted, self._closing = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="mpi-progress", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; on this rank alone."""
        self._closing = True
        self.wanted.set()
        self._thread.join()

    def free(self) -> None:
        """Give its communicator back; collective."""
        self._comm.Free()

    def _run(self) -> None:
        while self.wanted.wait() and not self._closing:
            self._comm.Iprobe()
            time.sleep(self._interval_s)


@dataclass(frozen=True)
class ProgressHelper:
    """What a rank does for MPI's progress; by default nothing."""

    polls: bool = False  # the program is to call MPI between its steps
    thread: ProgressThread | None = None

    def resume(self) -> None:
        """Something is under way."""
        if self.thread:
            self.thread.wanted.set()

    def pause(self) -> None:
        """Nothing is, or the program waits for it in MPI itself."""
        if self.thread:
            self.thread.wanted.clear()


@contextmanager
def progress_helper(
    comm: MPI.Intracomm, method: Progress, interval_s: float
) -> Iterator[ProgressHelper]:
    """The helper of a method, which ends with the block; collective.

    `interval_s` is from one of a thread's calls of MPI to the next.
    """
    thread = ProgressThread(comm, interval_s) if method == "thread" else None
    try:
        yield ProgressHelper(method == "polling", thread)
    finally:
        if thread:
            thread.close()
    if thread:  # not after an error: other ranks may be elsewhere
        thread.free()
