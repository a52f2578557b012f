"""What the clients' models are added up in, on one rank and then over all of them.

Each model is multiplied by its weight *before* any sum, so every mode of the ladder does the same
arithmetic. `FloatTotal` leaves the sum to MPI: same bits on every rank, but MPI chooses the order
by message size, so with more than two ranks bits depend on bucket size, mode and MPI library.
`FixedPointTotal` adds 64-bit integers, which is exact: its bits depend on neither order, nor
bucket, nor algorithm, nor on which rank trained which client. It sends twice the bytes.

`SecureTotal` is in a file of its own, `secure_total`.

What sends changes in place of models is no `Total` but `change_averaging`.
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from mpi4py import MPI
from torch import Tensor

from module3_mpi_gpu_overlap.config import Sum
from module3_mpi_gpu_overlap.device import synchronize
from module3_mpi_gpu_overlap.device_memory import Staging, Transfer, mpi_reads
from module3_mpi_gpu_overlap.secure_total import SecureTotal

FRACTION_BITS = 40  # a step of 9e-13: what float32 resolves of numbers above 1.5e-5
LARGEST = 2.0**22  # an average of such numbers keeps within 63 bits: the weights sum to one


class Total(Protocol):
    """A weighted sum of vectors, by pieces that may be reduced in any order."""

    average: Tensor  # float32 [n] on the models' device
    wire_bytes: int  # of one number
    copies_s: float  # between accelerator and host, and to and from what is sent

    @property
    def transfer(self) -> Transfer:
        """How a blocking sum's numbers get from an accelerator to MPI."""

    def clear(self) -> None:
        """Begin at zero."""

    def holds(self, vector: Tensor) -> bool:
        """Whether a finite vector's numbers are in the sum's range."""

    def add(self, vector: Tensor, weight: float) -> None:
        """Add `weight * vector`; float32 [n] on the models' device."""

    def reduce(self, piece: slice) -> None:
        """Sum the piece over all ranks into `average`; returns when it is done."""

    def start(self, piece: slice) -> MPI.Request:
        """Begin to sum the piece over all ranks."""

    def receive(self, piece: slice) -> None:
        """Move the piece that was begun, once it is summed, to `average`."""


class FloatTotal:
    """A float32 sum, reduced where it lies where MPI can read that, else through host memory."""

    wire_bytes = 4

    def __init__(
        self, comm: MPI.Intracomm, like: Tensor, stage: Callable[[Tensor], Staging] | None = None
    ) -> None:
        """For vectors `like` this one, float32 [n]; `stage` is asked for host memory, if given."""
        self._comm = comm
        self.average = torch.zeros_like(like)
        self.copies_s = 0.0
        staged = stage is not None or like.device.type != "cpu"
        self._staging = (stage or Staging)(self.average) if staged else None
        self._direct = stage is None and mpi_reads(like.device)
        self._empty = True

    @property
    def transfer(self) -> Transfer:
        """How a blocking sum's numbers get to MPI."""
        if self._staging is None:
            return "none"
        return "direct" if self._direct else "staged"

    def clear(self) -> None:
        self._empty = True

    def holds(self, vector: Tensor) -> bool:
        return True

    def add(self, vector: Tensor, weight: float) -> None:
        if self._empty:
            torch.mul(vector, weight, out=self.average)
        else:
            self.average.add_(vector, alpha=weight)
        self._empty = False

    def reduce(self, piece: slice) -> None:
        if self._empty:
            self.average[piece].zero_()
        if self._direct:
            synchronize(self.average.device)  # MPI knows nothing of what is still computed
            self._comm.Allreduce(MPI.IN_PLACE, _message(self.average[piece]), MPI.SUM)
        else:
            self._comm.Allreduce(MPI.IN_PLACE, self._staged(piece), MPI.SUM)
            self._unstage(piece)

    def start(self, piece: slice) -> MPI.Request:
        if self._empty:
            self.average[piece].zero_()
        own = self._staged(piece)
        return self._comm.Iallreduce(MPI.IN_PLACE, own, MPI.SUM)

    def receive(self, piece: slice) -> None:
        self._unstage(piece)

    def _staged(self, piece: slice) -> Any:
        """What non-blocking MPI may read."""
        if self._staging is None:
            return _message(self.average[piece])
        start_s = MPI.Wtime()
        self._staging.to_host(piece)
        self.copies_s += MPI.Wtime() - start_s
        return self._staging.host[piece].numpy()

    def _unstage(self, piece: slice) -> None:
        if self._staging is not None:
            start_s = MPI.Wtime()
            self._staging.to_device(piece)
            self.copies_s += MPI.Wtime() - start_s


def _message(numbers: Tensor) -> Any:
    """As MPI takes it: a tensor itself on an accelerator, by its DLPack."""
    return numbers.numpy() if numbers.device.type == "cpu" else numbers


class FixedPointTotal:
    """A sum of int64 multiples of 2^-40, each term rounded once; held on the host."""

    wire_bytes = 8
    transfer: Transfer = "none"  # the sum lies in host memory

    def __init__(self, comm: MPI.Intracomm, like: Tensor) -> None:
        """For vectors `like` this one, float32 [n]."""
        self._comm = comm
        self.average = torch.zeros_like(like)
        self.copies_s = 0.0
        self._sum = torch.zeros(like.shape, dtype=torch.int64)
        self._array = self._sum.numpy()

    def clear(self) -> None:
        self._sum.zero_()

    def holds(self, vector: Tensor) -> bool:
        return bool(vector.abs().max() < LARGEST)

    def add(self, vector: Tensor, weight: float) -> None:
        start_s = MPI.Wtime()
        # float32 numbers are exact in float64: their product with the weight is rounded to 53 bits.
        term = vector.detach().to("cpu", torch.float64)
        self._sum += term.mul_(weight * 2.0**FRACTION_BITS).round_().to(torch.int64)
        self.copies_s += MPI.Wtime() - start_s

    def reduce(self, piece: slice) -> None:
        self._comm.Allreduce(MPI.IN_PLACE, self._array[piece], MPI.SUM)
        self.receive(piece)

    def start(self, piece: slice) -> MPI.Request:
        return self._comm.Iallreduce(MPI.IN_PLACE, self._array[piece], MPI.SUM)

    def receive(self, piece: slice) -> None:
        start_s = MPI.Wtime()
        total = self._sum[piece].to(torch.float64).mul_(2.0**-FRACTION_BITS)
        self.average[piece].copy_(total)
        self.copies_s += MPI.Wtime() - start_s


TOTALS: dict[str, Callable[[MPI.Intracomm, Tensor], Total]] = {
    "mpi": FloatTotal,
    "fixed-point": FixedPointTotal,
}


def total_of(how: Sum, comm: MPI.Intracomm, like: Tensor) -> Total:
    """The sum that was asked for, of vectors `like` this one, float32 [n].

    Raises:
        UserError: a secure sum without `cryptography`.
    """
    return SecureTotal(comm, like) if how == "secure" else TOTALS[how](comm, like)
