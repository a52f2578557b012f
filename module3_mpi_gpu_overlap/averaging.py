"""FedAvg's sample-weighted average of one vector over the ranks, in the ladder's modes.

McMahan et al. 2017 (AISTATS): w = sum_k (n_k / n) w_k. Each rank multiplies by its n_k / n *before*
the sum, so every mode does the same arithmetic and no rank's order of arrival enters it. MPI
chooses the order of the sum by message size: with two ranks all modes give the same bits, with
more they may differ in the last one. A new rung is an entry of `LADDER`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mpi4py import MPI
from torch import Tensor

from module3_mpi_gpu_overlap.flat_model import FlatModel

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Rung:
    """How a mode cuts the vector, and whether it waits for each piece."""

    by_tensor: bool
    blocking: bool


LADDER = {
    "G0": Rung(by_tensor=True, blocking=True),
    "G1": Rung(by_tensor=False, blocking=True),
    "G2": Rung(by_tensor=False, blocking=False),
}


class Averaging:
    """Replaces a vector by the ranks' weighted sum: `start`, `poll` in between, `finish`."""

    def __init__(
        self,
        comm: MPI.Intracomm,
        vector: Tensor,
        weight: float,
        pieces: Sequence[slice],
        blocking: bool,
    ) -> None:
        """All ranks give the same pieces, and weights that sum to one."""
        self._comm, self._vector, self._weight = comm, vector, weight
        self._pieces, self._blocking = pieces, blocking
        self._on_accelerator = vector.device.type != "cpu"
        # Host memory that an accelerator can copy to without a detour.
        pinned = vector.device.type in ("cuda", "xpu")
        self._host = torch.empty(vector.shape, dtype=torch.float32, pin_memory=pinned)
        self._array = self._host.numpy()
        self._requests: list[MPI.Request] = []
        self.copies_s = 0.0  # between the accelerator and the host, since the start

    def start(self) -> None:
        """Weigh and send the pieces; when blocking, the vector is averaged on return."""
        self.copies_s = 0.0
        for piece in self._pieces:
            self._to_host(piece)
            if self._blocking:
                self._comm.Allreduce(MPI.IN_PLACE, self._array[piece], MPI.SUM)
                self._from_host(piece)
            else:
                request = self._comm.Iallreduce(MPI.IN_PLACE, self._array[piece], MPI.SUM)
                self._requests.append(request)

    def poll(self) -> None:
        """Let MPI progress, where it does so only inside MPI calls."""
        if self._requests:
            MPI.Request.Testall(self._requests)

    def finish(self) -> None:
        """Wait for what `start` left open."""
        for request, piece in zip(self._requests, self._pieces, strict=False):
            request.Wait()
            self._from_host(piece)
        self._requests = []

    def _to_host(self, piece: slice) -> None:
        start_s = MPI.Wtime()
        self._host[piece].copy_(self._vector[piece] * self._weight)  # waits for the accelerator
        self.copies_s += MPI.Wtime() - start_s

    def _from_host(self, piece: slice) -> None:
        start_s = MPI.Wtime()
        self._vector[piece].copy_(self._host[piece])
        self.copies_s += MPI.Wtime() - start_s


def averaging_of(
    mode: str, comm: MPI.Intracomm, model: FlatModel, vector: Tensor, weight: float, bucket: int
) -> Averaging:
    """The averaging of a mode, for a vector laid out as the model's; `bucket` is in bytes."""
    rung = LADDER[mode]
    pieces = model.spans if rung.by_tensor else buckets(len(vector), bucket)
    return Averaging(comm, vector, weight, pieces, rung.blocking)


def buckets(length: int, bucket_bytes: int) -> tuple[slice, ...]:
    """A vector of `length` floats cut into pieces of at most `bucket_bytes` (at least a float)."""
    width = max(1, bucket_bytes // FLOAT_BYTES)
    return tuple(slice(i, min(length, i + width)) for i in range(0, length, width))
