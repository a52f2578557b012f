"""FedAvg's sample-weighted average over the clients of all ranks, in the ladder's modes.

McMahan et al. 2017 (AISTATS): w = sum_k (n_k / n) w_k. What the models are summed in is a `Total`
(`totals`); here it is cut into pieces, and sent at once or beside other work. What sends changes
in place of models, because they are compressed or summed by nodes, is `change_averaging`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mpi4py import MPI
from torch import Tensor

from module3_mpi_gpu_overlap.change_averaging import ChangeAveraging
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.device_memory import Transfer
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.ladder import LADDER
from module3_mpi_gpu_overlap.node_sum import node_of
from module3_mpi_gpu_overlap.totals import FloatTotal, Total, total_of
from module3_mpi_gpu_overlap.wire import codec_of


class Averaging:
    """Models are added to `total`; then `start`, `poll` in between, and `finish`."""

    in_phases = False  # all is sent at the start

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
        each other of their clients. When blocking it is one short sum more, after the pieces.
        """
        self._comm, self.total = comm, total
        self._pieces, self._blocking = pieces, blocking
        self._requests: list[MPI.Request] = []
        self.tally: npt.NDArray[np.float64] = np.zeros(tally_length)

    @property
    def copies_s(self) -> float:
        """Spent so far on copies between accelerator and host, and to and from what is sent."""
        return self.total.copies_s

    @property
    def transfer(self) -> Transfer:
        """How the numbers get from an accelerator to MPI."""
        if self._blocking or self.total.transfer == "none":
            return self.total.transfer
        return "staged"

    @property
    def payload_bytes(self) -> int:
        """What this rank hands over for each average."""
        return len(self.total.average) * self.total.wire_bytes

    def holds(self, vector: Tensor) -> bool:
        """Whether a finite vector's numbers are in the sum's range."""
        return self.total.holds(vector)

    def add(self, vector: Tensor, weight: float) -> None:
        """Add a model, float32 [n], of that share."""
        self.total.add(vector, weight)

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
            else:
                self._requests.append(self.total.start(piece))
        if len(self.tally) and self._blocking:
            self._comm.Allreduce(MPI.IN_PLACE, self.tally, MPI.SUM)
        elif len(self.tally):
            self._requests.append(self._comm.Iallreduce(MPI.IN_PLACE, self.tally, MPI.SUM))

    def kept(self, resend: bool) -> dict[str, Any]:
        """What this rank must find again when the run is resumed: nothing."""
        return {}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Go on from what was kept: there is nothing to."""

    def close(self) -> None:
        """Give shared memory back: there is none."""

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
    settings: Settings, comm: MPI.Intracomm, model: FlatModel, base: Tensor, tally_length: int = 0
) -> Averaging | ChangeAveraging:
    """The averaging that was asked for, of vectors laid out as the model's.

    `base` will hold the newest averaged model whenever an average is begun. Collective.
    """
    rung = LADDER[settings.mode]
    by_nodes = settings.exchange == "hierarchical"
    if comm.size > 1 and (by_nodes or settings.wire != "float32"):
        codec = codec_of(settings.wire, settings.sent_ratio)  # type: ignore[arg-type]  # no `auto`
        node = node_of(comm) if by_nodes else None
        exact_from = model.parameters_count if codec.loses else None
        return ChangeAveraging(comm, base, codec, rung.blocking, tally_length, node, exact_from)
    total = total_of(settings.sum, comm, model.vector)
    length, width = len(model.vector), total.wire_bytes
    pieces: Sequence[slice] = buckets(length, settings.bucket_bytes, width)
    if settings.sum == "secure":
        pieces = (slice(0, length),)  # each piece would cost keys and masks of its own
    elif rung.by_tensor:
        pieces = model.spans
    return Averaging(comm, total, pieces, rung.blocking, tally_length)


def buckets(
    length: int, bucket_bytes: int, number_bytes: int = FloatTotal.wire_bytes
) -> tuple[slice, ...]:
    """A vector cut into pieces of at most `bucket_bytes` (at least one number)."""
    width = max(1, bucket_bytes // number_bytes)
    return tuple(slice(i, min(length, i + width)) for i in range(0, length, width))
