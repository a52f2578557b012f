"""Averaging what the models changed by, for a compressed wire and for sums by nodes.

What is sent is the weighted sum of (model - base), where `base` is the newest averaged model: the
same on all ranks, so that it need not be sent, and near the models, so that a compressed change
loses little. It goes over `compressed_average`'s reduce-scatter and allgather, between all ranks
or, with an `exchange` by nodes, between the nodes' leaders after a sum in the node's memory.

Running statistics do not go over a wire that loses: they are few, a variance that is off by more
than itself may be negative, and error feedback would add what was lost to a statistic that its
client has not lost. They are summed as float64, beside the tally.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mpi4py import MPI
from torch import Tensor

from module3_mpi_gpu_overlap.compressed_average import CompressedAveraging, fresh_state
from module3_mpi_gpu_overlap.device_memory import Transfer
from module3_mpi_gpu_overlap.launch import AgreedError
from module3_mpi_gpu_overlap.node_sum import NodeSum
from module3_mpi_gpu_overlap.wire import Codec


class ChangeAveraging:
    """Of the same use as `Averaging`: models are added; then `start`, `poll`, and `finish`."""

    in_phases = True  # the second begins in `poll`, whatever moves MPI

    def __init__(
        self,
        comm: MPI.Intracomm,
        base: Tensor,
        codec: Codec,
        blocking: bool,
        tally_length: int = 0,
        node: tuple[MPI.Intracomm, MPI.Intracomm] | None = None,
        exact_from: int | None = None,
    ) -> None:
        """For changes from `base`, float32 [n], whose contents may change between averages.

        `node` is this rank's node and the nodes' leaders, as of `node_of`, and is given back with
        `close`; None is a flat exchange. Numbers from `exact_from` on are not encoded. Collective.
        """
        encoded = len(base) if exact_from is None else exact_from
        self._comm, self._base, self._blocking = comm, base, blocking
        self.average = torch.zeros_like(base)
        self.copies_s = 0.0
        self.transfer: Transfer = "none" if base.device.type == "cpu" else "staged"
        self._encoded, self._exact = self.average[:encoded], self.average[encoded:]
        # The caller's numbers, the weight of what this rank added, and what is not encoded.
        self._tally: npt.NDArray[np.float64] = np.zeros(tally_length + 1 + len(self._exact))
        self.tally, self._weight = self._tally[:tally_length], self._tally[tally_length:][:1]
        self._exact_sums = self._tally[tally_length + 1 :]
        self.payload_bytes = codec.payload_bytes(encoded) + self._exact_sums.nbytes
        self._request = MPI.REQUEST_NULL
        self._node, self._exchanging = None, MPI.COMM_NULL
        # The exchange's second part begins when its first is there, on one rank sooner than on
        # another: on the ranks' own communicator its place among their other calls would differ.
        exchanged, ranks = self._encoded, MPI.COMM_NULL
        if node is None:
            ranks = self._exchanging = comm.Dup()
        else:
            self._node, self._exchanging = NodeSum(node[0], encoded), node[1]
            exchanged, ranks = self._node.total, node[1]
        # Everything is exchanged in place, by those that take part in it.
        self._state = fresh_state(exchanged, codec.loses) if ranks != MPI.COMM_NULL else None
        self._exchange = (
            CompressedAveraging(ranks, exchanged, 1.0, codec, self._state)
            if self._state is not None
            else None
        )

    def clear(self) -> None:
        """Begin an average."""
        self.average.zero_()
        self._tally[:] = 0.0

    def holds(self, vector: Tensor) -> bool:
        """Whether a finite vector's numbers can be averaged: all can."""
        return True

    def add(self, vector: Tensor, weight: float) -> None:
        """Add a model, float32 [n], of that share."""
        self.average.add_(vector - self._base, alpha=weight)
        self._weight += weight

    def start(self) -> None:
        """Send the changes; when blocking, the average is there after `finish` waits for nobody."""
        if self._node is not None:
            self._copy(self._encoded, self._node.own)
            self._node.add_up()
        if self._exchange is not None:
            self._exchange.start()
        self._copy(self._exact, torch.from_numpy(self._exact_sums))
        self._request = self._comm.Iallreduce(MPI.IN_PLACE, self._tally, MPI.SUM)
        if self._blocking:
            self._wait()

    def poll(self) -> None:
        """Let MPI progress, where it does so only inside MPI calls."""
        if self._exchange is not None:
            self._exchange.poll()
        self._request.Test()

    def finish(self) -> None:
        """Wait for what `start` left open.

        Raises:
            AgreedError: on every rank: the changes add up to more than float32 can hold.
        """
        if not self._blocking:
            self._wait()
        self.average.add_(self._base, alpha=float(self._weight[0]))

    def kept(self, resend: bool) -> dict[str, Any]:
        """What this rank must find again when the run is resumed.

        With `resend` that is what it needs to send the newest average once more.
        """
        if self._state is None or self._exchange is None or self._state.residual is None:
            return {}
        residual = self._exchange.residual_before if resend else self._state.residual
        assert residual is not None
        return {"residual": residual.cpu().clone()}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Go on from what was kept."""
        if self._state is not None and self._state.residual is not None:
            self._state.residual.copy_(kept["residual"])

    def close(self) -> None:
        """Give shared memory and communicators back; collective."""
        self._exchange = None  # it holds views of the memory
        if self._node is not None:
            self._node.close()
        if self._exchanging != MPI.COMM_NULL:
            self._exchanging.Free()

    def _wait(self) -> None:
        problem = ""
        if self._exchange is not None:
            try:
                self._exchange.finish()
            except AgreedError as error:  # the leaders', who must not leave their nodes waiting
                problem = str(error)
            self.copies_s += self._exchange.copies_s
        if self._node is not None:
            problem = self._node.told(problem)
            self._copy(self._node.total, self._encoded)
        self._request.Wait()
        self._copy(torch.from_numpy(self._exact_sums), self._exact)
        if problem:
            raise AgreedError(problem)

    def _copy(self, source: Tensor, target: Tensor) -> None:
        start_s = MPI.Wtime()
        target.copy_(source)  # waits for the accelerator
        self.copies_s += MPI.Wtime() - start_s
