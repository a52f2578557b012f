"""How far a rank's clock is from rank 0's, by ping-pong.

The reply with the shortest round trip is the least delayed; its remote time is taken to lie in the
middle (Cristian 1989, Distributed Computing 3:146). On one node all ranks read one clock, and what
is found is the measurement's own error.
"""

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
