"""FedAvg's sample-weighted average over the clients of all ranks, in the ladder's modes.

McMahan et al. 2017 (AISTATS): w = sum_k (n_k / n) w_k. What the models are summed in is a `Total`
(`totals`); here it is cut into pieces, and sent at once or beside other work. A new rung is an
entry of `LADDER`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mpi4py import MPI
from torch import Tensor

from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.totals import TOTALS, Total

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Rung:
    """How a mode cuts the vector, and what it does before it waits for the average."""

    by_tensor: bool
    blocking: bool
    delayed: bool  # the average arrives a round later


LADDER = {
    "G0": Rung(by_tensor=True, blocking=True, delayed=False),
    "G1": Rung(by_tensor=False, blocking=True, delayed=False),
    "G2": Rung(by_tensor=False, blocking=False, delayed=False),
    "G3": Rung(by_tensor=False, blocking=False, delayed=True),
}


class Averaging:
    """Models are added to `total`; then `start`, `poll` in between, and `finish`."""

    def __init__(
        self,
        comm: MPI.Intracomm,
        total: Total,
        pieces: Sequence[slice],
        blocking: bool,
        tally_length: int = 0,
    ) -> None:
        """All ranks give the same pieces, and weights that sum to one.

        `tally_length` counts float64 numbers that are summed beside the vector: what ranks tell
        each other of their clients costs no message of its own time.
        """
        self._comm, self.total = comm, total
        self._pieces, self._blocking = pieces, blocking
        self._requests: list[MPI.Request] = []
        self.tally: npt.NDArray[np.float64] = np.zeros(tally_length)

    @property
    def average(self) -> Tensor:
        """The weighted sum over all ranks, float32, once finished."""
        return self.total.average

    def clear(self) -> None:
        """Begin an average."""
        self.total.clear()
        self.tally[:] = 0.0

    def start(self) -> None:
        """Send the pieces; when blocking, the average is there on return."""
        for piece in self._pieces:
            if self._blocking:
                self.total.reduce(piece)
                self.total.receive(piece)
            else:
                self._requests.append(self.total.start(piece))
        if len(self.tally) and self._blocking:
            self._comm.Allreduce(MPI.IN_PLACE, self.tally, MPI.SUM)
        elif len(self.tally):
            self._requests.append(self._comm.Iallreduce(MPI.IN_PLACE, self.tally, MPI.SUM))

    def poll(self) -> None:
        """Let MPI progress, where it does so only inside MPI calls."""
        if self._requests:
            MPI.Request.Testall(self._requests)

    def finish(self) -> None:
        """Wait for what `start` left open; every copy waits only for its own piece."""
        for request, piece in zip(self._requests, self._pieces, strict=False):
            request.Wait()
            self.total.receive(piece)
        for request in self._requests[len(self._pieces) :]:
            request.Wait()
        self._requests = []


def averaging_of(
    mode: str,
    comm: MPI.Intracomm,
    model: FlatModel,
    bucket: int,
    sum_of: str = "mpi",
    tally_length: int = 0,
) -> Averaging:
    """The averaging of a mode, for vectors laid out as the model's; `bucket` is in bytes."""
    rung = LADDER[mode]
    total = TOTALS[sum_of](comm, model.vector)
    pieces = model.spans if rung.by_tensor else buckets(len(model.vector), bucket, total.wire_bytes)
    return Averaging(comm, total, pieces, rung.blocking, tally_length)


def buckets(length: int, bucket_bytes: int, number_bytes: int = FLOAT_BYTES) -> tuple[slice, ...]:
    """A vector cut into pieces of at most `bucket_bytes` (at least one number)."""
    width = max(1, bucket_bytes // number_bytes)
    return tuple(slice(i, min(length, i + width)) for i in range(0, length, width))
