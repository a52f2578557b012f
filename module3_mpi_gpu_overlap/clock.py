"""Clocks of the ranks: how far one is from rank 0's, and how long the slowest rank takes.

The offset is found by ping-pong: the reply with the shortest round trip is the least delayed, and
its remote time is taken to lie in the middle (Cristian 1989, Distributed Computing 3:146). On one
node all ranks read one clock, and what is found is the measurement's own error.
"""

from collections.abc import Callable

from mpi4py import MPI

PING_PONGS = 20


def clock_offset_s(comm: MPI.Intracomm) -> float:
    """Seconds to subtract from this rank's MPI_Wtime to get rank 0's; collective."""
    if comm.rank == 0:
        for peer in range(1, comm.size):
            for _ in range(PING_PONGS):
                comm.recv(source=peer)
                comm.send(MPI.Wtime(), dest=peer)
        return 0.0
    shortest_s, offset_s = float("inf"), 0.0
    for _ in range(PING_PONGS):
        sent_s = MPI.Wtime()
        comm.send(None, dest=0)
        remote_s = comm.recv(source=0)
        received_s = MPI.Wtime()
        if received_s - sent_s < shortest_s:
            shortest_s = received_s - sent_s
            offset_s = (sent_s + received_s) / 2 - remote_s
    return offset_s


def slowest_s(comm: MPI.Intracomm, work: Callable[[], object]) -> float:
    """Seconds that the slowest rank takes for `work`, from a barrier on; collective."""
    comm.Barrier()
    start_s = MPI.Wtime()
    work()
    seconds: float = comm.allreduce(MPI.Wtime() - start_s, MPI.MAX)
    return seconds
