"""A rank that waits too long for the others ends the whole job.

Nothing ends by itself when a process is stopped, hangs, or is cut off with its node: MPI waits for
it without end. So a thread of each rank looks at the rank's heartbeat, which every local step,
poll, agreement and phase of a run touches: a rank may train as long as it likes. What is waited for
longer than the limit is told in one sentence, and the rank leaves with a non-zero status, without
another MPI call, which the blocked main thread could keep it from. The launcher ends all others,
stopped ones too. States and rows on disk are written whole or not at all, so it does not matter
when.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from crossscale_results.cli import EXIT_USER_ERROR
from module3_mpi_gpu_overlap.launch import AgreedError, World

# Who speaks first ends all others: the ranks take turns, so that one sentence is told.
TURN_S, TURNS = 0.25, 8
STDERR = 2


def leave(status: int) -> NoReturn:
    """End the process; after a `watched` block at once, since nobody watches it any more.

    A rank that was stopped while Python takes itself down would be waited for by mpiexec alone.
    """
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not mpi.Is_finalized():
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # a reader that has gone was told of already
            stream.flush()
    os._exit(status)


@contextmanager
def watched(world: World, limit_s: float) -> Iterator[None]:
    """Watch this rank until all have come to the block's end, where MPI ends; 0 never gives up.

    No MPI call may follow the block. After an error that not all ranks know of, MPI is not ended:
    the job has to be aborted.
    """
    closing = threading.Event()
    if limit_s and world.size > 1:
        arguments = (world, limit_s, closing)
        threading.Thread(target=_watch, args=arguments, name="stall-watch", daemon=True).start()
    try:
        yield
    except AgreedError:
        _end_together(world)
        closing.set()
        raise
    _end_together(world)
    closing.set()


def _end_together(world: World) -> None:
    """End MPI while all are still watched: there a stopped rank would be waited for, too."""
    from mpi4py import MPI  # starts MPI, so not on import

    world.heartbeat.beat("the other ranks to end")
    world.comm.Barrier()
    world.heartbeat.beat()
    MPI.Finalize()


def _watch(world: World, limit_s: float, closing: threading.Event) -> None:
    own_turn_s = TURN_S * (world.rank % TURNS)
    left_s, what = world.heartbeat.left_s(limit_s + own_turn_s)
    while left_s > 0:
        if closing.wait(left_s):  # awake no more often than there can be something to see
            return
        left_s, what = world.heartbeat.left_s(limit_s + own_turn_s)
    sentence = (
        f"error: rank {world.rank} has waited more than {limit_s:g} s for {what}: a rank may have "
        "died, hang or be stopped; what was kept is intact and --resume goes on from it "
        "(--stall-limit-s sets the time)\n"
    )
    # To the descriptor itself: what Python buffers may be locked by the main thread. On a line of
    # its own: rank 0's progress bar may have left one unfinished.
    os.write(STDERR, f"\n{sentence}".encode())
    os._exit(EXIT_USER_ERROR)
