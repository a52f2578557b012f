"""Models added up so that no rank's part is seen: `secure_sum` behind `--sum secure`.

What is hidden is a rank's part of a round: its model, or the weighted sum of its clients' models.
In the clear stay how long each client's update was and how many beats it has, which screening and
the weights need. The sum is blocking: masks are agreed on anew for each.
"""

import numpy as np
import torch
from mpi4py import MPI
from torch import Tensor

from module3_mpi_gpu_overlap.device_memory import Transfer
from module3_mpi_gpu_overlap.fixed_point import FixedPoint
from module3_mpi_gpu_overlap.launch import AgreedError
from module3_mpi_gpu_overlap.privacy_extra import require_privacy_extra

BOUND = 64.0  # of a number: with 4 ranks the resolution is 1.2e-7, with 64 ranks 1.9e-6


class SecureTotal:
    """A `Total` of 32-bit fixed-point numbers that are masked on the wire; held on the host."""

    wire_bytes = 4
    transfer: Transfer = "none"  # the sum lies in host memory

    def __init__(self, comm: MPI.Intracomm, like: Tensor) -> None:
        """For vectors `like` this one, float32 [n].

        Raises:
            UserError: `cryptography` is not installed.
        """
        require_privacy_extra("cryptography")
        self._comm = comm
        self.average = torch.zeros_like(like)
        self.copies_s = 0.0
        self._own = torch.zeros(like.shape)
        self._empty = True
        self._encoding = FixedPoint(BOUND, comm.size)

    def clear(self) -> None:
        self._own.zero_()
        self._empty = True

    def holds(self, vector: Tensor) -> bool:
        return bool(vector.abs().max() <= BOUND)

    def add(self, vector: Tensor, weight: float) -> None:
        start_s = MPI.Wtime()
        self._own.add_(vector.detach().cpu(), alpha=weight)
        self._empty = False
        self.copies_s += MPI.Wtime() - start_s

    def reduce(self, piece: slice) -> None:
        """Sum the piece over all ranks into `average`.

        Raises:
            AgreedError: fewer than two ranks have something in it.
        """
        from module3_mpi_gpu_overlap.secure_sum import secure_sum  # needs `cryptography`

        # A rank that adds nothing hides nobody: the sum of one other is that one's part.
        adding: int = self._comm.allreduce(int(not self._empty))
        if adding < 2:
            raise AgreedError(
                f"{adding} of {self._comm.size} ranks has anything in this round's secure sum, "
                "which would tell that rank's part: draw more clients (--clients-per-round), or "
                "see why the others' were screened out"
            )
        own: np.ndarray = self._own[piece].numpy()
        numbers = secure_sum(self._comm, own, len(own), self._encoding).numbers
        self.average[piece].copy_(torch.from_numpy(numbers))

    def start(self, piece: slice) -> MPI.Request:
        """The same: its steps wait for each other, so that it is done when it was begun."""
        self.reduce(piece)
        return MPI.REQUEST_NULL

    def receive(self, piece: slice) -> None:
        """It is there."""
