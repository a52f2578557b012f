"""The secure sum with MPI ranks as clients; rank 0 is the server as well.

Rank 0's two parts share a process: who runs this across hospitals runs the server elsewhere. What
the server part is given is what a server would see: MPI adds up the masked vectors on their way to
it. A rank that drops out after the masks were agreed on is one that sends no vector
(`vector=None`); a rank that dies takes the whole job with it, as anywhere in MPI.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.fixed_point import FixedPoint, Words
from module3_mpi_gpu_overlap.launch import AgreedError
from module3_mpi_gpu_overlap.secure_aggregation import (
    Client,
    default_threshold,
    require_clients,
    require_enough,
    unmask,
)

Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SecureSum:
    """The sum and whose vectors are in it: the same on every rank."""

    numbers: Numbers  # float32 [n]
    arrived: tuple[int, ...]


def secure_sum(
    comm: MPI.Intracomm,
    vector: Numbers | None,
    elements: int,
    encoding: FixedPoint,
    threshold: int | None = None,
) -> SecureSum:
    """Add up the ranks' vectors so that nobody sees one of them; collective.

    Args:
        comm: the clients.
        vector: this rank's numbers, float32 [elements], already weighted; None drops out.
        elements: how many numbers all vectors have.
        encoding: the same on every rank, for as many clients as there are ranks.
        threshold: how many must be left; by default more than two thirds.

    Raises:
        AgreedError: on every rank: fewer clients are left than the threshold, a number that the
            encoding cannot hold, or fewer than two ranks.
    """
    needed = default_threshold(comm.size) if threshold is None else threshold
    try:
        require_clients(comm.size, needed)  # the same on every rank
    except UserError as error:
        raise AgreedError(str(error)) from error
    client = Client(comm.rank, comm.size, needed)
    keys = comm.allgather(client.public_keys())
    mine = client.share_secrets(keys)
    sealed = comm.alltoall([mine.get(rank, b"") for rank in range(comm.size)])
    from_others = {rank: message for rank, message in enumerate(sealed) if rank != comm.rank}

    words, problem = _words(vector, elements, encoding)
    told = comm.allgather((words is not None, problem))
    arrived = tuple(rank for rank, (there, _) in enumerate(told) if there)
    _raise_first([text for _, text in told])
    try:
        require_enough(len(arrived), comm.size, needed)
    except UserError as error:
        raise AgreedError(str(error)) from error

    masked = np.zeros(elements, np.uint32) if words is None else client.mask(words, from_others)
    total = np.empty_like(masked)
    comm.Reduce(masked, total, MPI.SUM, root=0)  # unsigned: modulo 2^32
    shares = comm.gather(None if words is None else client.reveal(arrived), root=0)
    numbers = np.empty(elements, np.float32)
    if shares is not None:  # the server
        revealed = {rank: own for rank, own in enumerate(shares) if own is not None}
        numbers[:] = encoding.to_numbers(unmask(total, arrived, keys, revealed, needed))
    comm.Bcast(numbers, root=0)
    return SecureSum(numbers, arrived)


def _words(vector: Numbers | None, elements: int, encoding: FixedPoint) -> tuple[Words | None, str]:
    """The words, or why there are none; both empty for a rank that drops out."""
    if vector is None:
        return None, ""
    if vector.shape != (elements,):
        return None, f"a vector of shape {vector.shape} is not one of {elements} numbers"
    try:
        return encoding.to_words(vector), ""
    except UserError as error:
        return None, str(error)


def _raise_first(problems: list[str]) -> None:
    for rank, problem in enumerate(problems):
        if problem:
            raise AgreedError(f"{problem} (on rank {rank})")
