"""The ranks' weighted sum of a vector, sent in a wire format: a reduce-scatter, then an allgather.

Bytes that are not float32 numbers cannot be summed by MPI, so each rank sums one piece of the
vector itself: (1) every rank encodes its pieces and sends each to the piece's owner; the owner
decodes and sums them in float32 in the order of ranks. (2) It encodes the sum, and all ranks get
all pieces. Every rank decodes the same bytes, so all hold the same bits, whatever arrives first.
A rank receives two payloads' worth of bytes, less its own part, however many ranks there are.

Error feedback (Seide et al. 2014; Karimireddy et al. 2019): what the formats lost stays with the
rank that lost it and is added to what it sends next time. The second encoding loses once more (as
in DoubleSqueeze, Tang et al. 2019); its owner keeps that too, in the same vector, as if it were a
part of its own contribution. So over all rounds, up to float32 rounding:

    sum of the averages given out + sum of the ranks' residuals = sum of what went in.

With the format `float32` nothing is lost and this is a sum in the order of ranks, the same bits
whatever MPI's algorithm is: MPI_Allreduce only recommends that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from mpi4py import MPI
from torch import Tensor

from module3_mpi_gpu_overlap.launch import AgreedError
from module3_mpi_gpu_overlap.wire import (
    Codec,
    decode_sum,
    is_finite,
    is_refused,
    refuse,
)


@dataclass
class WireState:
    """What a rank keeps from one average to the next; a checkpoint of the rank must hold it."""

    residual: Tensor | None  # float32 [n], what is still to be sent; None: no error feedback
    saturated_count: int = 0  # numbers beyond the format's range so far


def fresh_state(vector: Tensor, error_feedback: bool) -> WireState:
    """The state before the first average of vectors like this one."""
    return WireState(torch.zeros_like(vector) if error_feedback else None)


class CompressedAveraging:
    """Replaces a vector by the ranks' weighted sum: `start`, `poll` in between, `finish`."""

    def __init__(
        self, comm: MPI.Intracomm, vector: Tensor, weight: float, codec: Codec, state: WireState
    ) -> None:
        """All ranks give the same format and vectors of the same length.

        Args:
            comm: the ranks.
            vector: this rank's, float32 [n], whenever an average is begun; averaged in place.
            weight: this rank's share; the ranks' sum to one.
            codec: the wire format.
            state: this rank's, brought up to date on success.
        """
        self._comm, self._vector, self._weight = comm, vector, weight
        self._codec, self._state = codec, state
        self._pieces = pieces(len(vector), comm.size)
        self._own = self._pieces[comm.rank]
        sizes = [codec.payload_bytes(piece.stop - piece.start) for piece in self._pieces]
        # A rank sends itself nothing: its own part of its piece is summed as it is.
        to_owners = [0 if rank == comm.rank else size for rank, size in enumerate(sizes)]
        from_ranks = [0 if rank == comm.rank else sizes[comm.rank] for rank in range(comm.size)]
        self._parts = _Transfer(to_owners, vector.device)
        self._shares = _Transfer(from_ranks, vector.device)
        self._own_sum = _Transfer([sizes[comm.rank]], vector.device)
        self._sums = _Transfer(sizes, vector.device)
        self.received_bytes = sum(from_ranks) + sum(to_owners)  # of each average, by this rank
        self._contribution = torch.empty_like(vector)
        self._total = torch.empty_like(vector[self._own])
        self._request = MPI.REQUEST_NULL
        self._summed = True  # this rank's piece; nothing is under way yet
        self._finished = True
        self._finite = True
        self._saturated = 0
        self.copies_s = 0.0  # between the accelerator and the host, since the start

    def start(self) -> None:
        """Weigh and encode this rank's pieces and send them to their owners."""
        self.copies_s, self._saturated, self._summed = 0.0, 0, self._comm.size == 1
        self._finished = False
        torch.mul(self._vector, self._weight, out=self._contribution)
        if self._comm.size > 1 and self._state.residual is not None:
            self._contribution.add_(self._state.residual)
        self._finite = is_finite(self._contribution)
        if self._comm.size == 1:
            return
        for rank, (piece, payload) in enumerate(
            zip(self._pieces, self._parts.payloads, strict=True)
        ):
            if rank != self._comm.rank:
                self._encode(self._contribution[piece], payload, self._finite)
        self.copies_s += self._parts.to_host()
        self._request = self._comm.Ialltoallv(self._parts.message, self._shares.message)

    def poll(self) -> None:
        """Let MPI progress; sums this rank's piece as soon as all parts of it are there."""
        if self._request.Test() and not self._summed:
            self._sum_own_piece()

    def finish(self) -> None:
        """Wait for the rest; the vector is averaged and the state brought up to date on return.

        Raises:
            AgreedError: on every rank, naming a rank whose numbers are NaN or infinite; vector and
                state are as they were.
        """
        self._finished = True
        if self._comm.size == 1:
            self._require_all_finite(self._finite)
            self._vector.copy_(self._contribution)
            return
        if not self._summed:
            self._request.Wait()
            self._sum_own_piece()
        self._request.Wait()
        self.copies_s += self._sums.to_device()
        self._require_all_finite(not any(is_refused(p) for p in self._sums.payloads))
        self._vector.zero_()
        for piece, payload in zip(self._pieces, self._sums.payloads, strict=True):
            self._codec.add_decoded(payload, self._vector[piece])
        if self._state.residual is not None:
            self._contribution, self._state.residual = self._state.residual, self._contribution
        self._state.saturated_count += self._saturated

    @property
    def residual_before(self) -> Tensor | None:
        """What was still to be sent when the newest average was begun; None without feedback."""
        if self._state.residual is None or not self._finished:
            return self._state.residual
        return self._contribution  # `finish` left it there

    def _sum_own_piece(self) -> None:
        self._summed = True
        self.copies_s += self._shares.to_device()
        own = self._contribution[self._own]
        shares = self._shares.payloads
        finite = self._finite and not any(map(is_refused, shares))
        (payload,) = self._own_sum.payloads
        if finite:
            before, after = shares[: self._comm.rank], shares[self._comm.rank + 1 :]
            total = decode_sum(self._codec, before, self._total).add_(own)
            for share in after:
                self._codec.add_decoded(share, total)
            finite = is_finite(total)
            own.copy_(total)
        self._encode(own, payload, finite)
        self.copies_s += self._own_sum.to_host()
        own_sum, *_ = self._own_sum.message
        self._request = self._comm.Iallgatherv((own_sum, MPI.BYTE), self._sums.message)

    def _encode(self, numbers: Tensor, payload: Tensor, finite: bool) -> None:
        """Encode into the payload and leave in `numbers` what that lost."""
        if not finite:
            refuse(payload)
            return
        self._saturated += self._codec.encode(numbers, payload)
        if self._state.residual is not None:
            self._codec.add_decoded(payload, numbers, sign=-1.0)

    def _require_all_finite(self, finite: bool) -> None:
        """All ranks know alike whether something was refused; whose it was is asked only then."""
        if finite:
            return
        whose = [rank for rank, own in enumerate(self._comm.allgather(self._finite)) if not own]
        if not whose:
            raise AgreedError("the ranks' changes add up to more than float32 can hold")
        raise AgreedError(
            f"the model of rank {whose[0]} has numbers that are NaN or infinite and cannot be "
            "averaged: lower --learning-rate, or look at that rank's data"
        )


class _Transfer:
    """Payloads side by side in one buffer, and what MPI is told of it."""

    def __init__(self, sizes: Sequence[int], device: torch.device) -> None:
        self._device_side = torch.zeros(sum(sizes), dtype=torch.uint8, device=device)
        self._staged = device.type != "cpu"
        # Host memory that an accelerator can copy to without a detour.
        pinned = device.type in ("cuda", "xpu")
        self._host_side = (
            torch.zeros(sum(sizes), dtype=torch.uint8, pin_memory=pinned)
            if self._staged
            else self._device_side
        )
        self.payloads = self._device_side.split(list(sizes))
        starts = np.cumsum([0, *sizes])[:-1].tolist()
        self.message = (self._host_side.numpy(), list(sizes), starts, MPI.BYTE)

    def to_host(self) -> float:
        """Copy what is to be sent; the seconds it took."""
        return self._copy(self._device_side, self._host_side)

    def to_device(self) -> float:
        """Copy what was received; the seconds it took."""
        return self._copy(self._host_side, self._device_side)

    def _copy(self, source: Tensor, target: Tensor) -> float:
        if not self._staged:
            return 0.0
        start_s = MPI.Wtime()
        target.copy_(source)  # waits for the accelerator
        return MPI.Wtime() - start_s


def pieces(length: int, ranks: int) -> tuple[slice, ...]:
    """The vector cut into one piece for each rank, as equal as can be; some may be empty."""
    cuts = [length * rank // ranks for rank in range(ranks + 1)]
    return tuple(slice(a, b) for a, b in pairwise(cuts))
