"""A sum inside one node, in memory that its ranks share: what they send costs no network.

Each rank writes its vector into its own part of the memory. Then each adds up a slice of all parts,
in the order of ranks: same bits however the ranks hurry. The sum has a part of its own, so that
nobody overwrites what another still reads.
"""

import numpy as np
import torch
from mpi4py import MPI
from torch import Tensor

from module3_mpi_gpu_overlap.compressed_average import pieces


class NodeSum:
    """One node's ranks and the memory that they share; a rank alone shares none."""

    def __init__(self, comm: MPI.Intracomm, elements: int) -> None:
        """Allocate float32 [elements] for each rank of `comm`, all of one node; collective."""
        self.comm = comm
        self._window: MPI.Win | None = None
        if comm.size == 1:
            self._parts = [torch.zeros(elements)]
            self.own = self.total = self._parts[0]
            return
        number_bytes = torch.float32.itemsize
        own_bytes = number_bytes * elements * (2 if comm.rank == 0 else 1)
        window = MPI.Win.Allocate_shared(own_bytes, number_bytes, comm=comm)
        window.Lock_all(MPI.MODE_NOCHECK)  # MPI lets memory be synchronised only in an epoch
        memory = [_numbers(window, rank) for rank in range(comm.size)]
        self._window, self._parts = window, [numbers[:elements] for numbers in memory]
        self._slice = pieces(elements, comm.size)[comm.rank]
        self.own = self._parts[comm.rank]  # what this rank adds, float32 [elements]
        self.total = memory[0][elements:]  # the sum, float32 [elements]

    def add_up(self) -> None:
        """Sum all ranks' vectors into `total`; collective over the node."""
        if self._window is None:
            return
        _meet(self.comm, self._window)
        total = self.total[self._slice]
        total.copy_(self._parts[0][self._slice])
        for part in self._parts[1:]:
            total.add_(part[self._slice])
        _meet(self.comm, self._window)

    def told(self, problem: str) -> str:
        """What the leader tells the node, once `total` holds what all may read; collective."""
        if self._window is None:
            return problem
        self._window.Sync()
        told: str = self.comm.bcast(problem)
        self._window.Sync()
        return told

    def close(self) -> None:
        """Give the memory back; collective over the node."""
        del self._parts, self.own, self.total
        if self._window is not None:
            self._window.Unlock_all()
            self._window.Free()
        self.comm.Free()


def _meet(comm: MPI.Intracomm, window: MPI.Win) -> None:
    """What each wrote before is seen by all after."""
    window.Sync()
    comm.Barrier()
    window.Sync()


def _numbers(window: MPI.Win, rank: int) -> Tensor:
    memory, _ = window.Shared_query(rank)
    return torch.from_numpy(np.frombuffer(memory.cast("f"), np.float32))


def node_of(comm: MPI.Intracomm) -> tuple[MPI.Intracomm, MPI.Intracomm]:
    """This rank's node, and the nodes' leaders (COMM_NULL if it is none); collective."""
    node = comm.Split_type(MPI.COMM_TYPE_SHARED, key=comm.rank)
    leaders = comm.Split(0 if node.rank == 0 else MPI.UNDEFINED, comm.rank)
    return node, leaders  # type: ignore[return-value]  # mpi4py's types say Comm
