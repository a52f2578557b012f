"""How long a message takes on each host's link, by MPI: one rank on each host.

Rank i and its neighbour throw a message to and fro while all others are silent, so both directions
of both links are in it. Prints seconds one way as a JSON list, rank by rank.
"""

import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from typing_extensions import Doc

from module3_mpi_gpu_overlap.launch import World, run_on_ranks

if TYPE_CHECKING:
    from mpi4py import MPI

REPEATS = 4  # the quickest counts: the first opens the connection, and a busy machine only slows


@dataclass(frozen=True)
class Probe:
    """How much data is sent."""

    bytes: Annotated[int, Doc("Bytes of a message.")]


def probe(world: World, config: Probe) -> None:
    """Print the seconds of each rank's link; collective."""
    buffer = np.zeros(config.bytes, np.uint8)
    one_way_s = []
    for rank in range(world.size):
        peer = (rank + 1) % world.size
        seconds = min(_round_trip_s(world.comm, rank, peer, buffer) for _ in range(REPEATS))
        one_way_s.append(seconds / 2)
    print(json.dumps(one_way_s))


def _round_trip_s(comm: "MPI.Intracomm", rank: int, peer: int, buffer: np.ndarray) -> float:
    comm.Barrier()
    start_s = time.perf_counter()
    if comm.rank == rank:
        comm.Send(buffer, dest=peer)
        comm.Recv(buffer, source=peer)
    elif comm.rank == peer:
        comm.Recv(buffer, source=rank)
        comm.Send(buffer, dest=rank)
    elapsed_s: float = comm.bcast(time.perf_counter() - start_s, root=rank)
    return elapsed_s


def main() -> int:
    """Parse the command line and measure."""
    return run_on_ranks(Probe, probe, "python -m module3_mpi_gpu_overlap.link_probe", __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
