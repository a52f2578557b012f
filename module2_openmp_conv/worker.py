"""`python -m module2_openmp_conv.worker`: contestants in an environment of their own.

Started by `workers.start`, and told through a pipe what to prepare and to time.
"""

import signal
import sys
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from module2_openmp_conv.contestant import Contestant
from module2_openmp_conv.contestants import contestants
from module2_openmp_conv.grid import Cell
from module2_openmp_conv.problem import problem_of
from module2_openmp_conv.timing import call_s, calls_filling


@dataclass
class Server:
    """The cell at hand; its methods are what can be asked for."""

    windows: Tensor
    cell: Cell | None = None
    found: dict[str, Contestant] = field(default_factory=dict)

    def prepare(self, cell: Cell, seed: int) -> list[str]:
        """Names of the contestants that can take part."""
        torch.set_num_threads(cell.threads or torch.get_num_threads())
        self.cell = cell
        self.found = contestants(problem_of(cell, self.windows, seed))
        return list(self.found)

    def result(self, name: str, folder: Path) -> list[Path]:
        """Files with the tensors of one call's result."""
        paths = []
        for index, tensor in enumerate(self.found[name].result()):
            paths.append(folder / f"{name}-{index}.npy")
            np.save(paths[-1], tensor.numpy())
        return paths

    def calls_filling(self, name: str, sample_ms: float) -> int:
        """See timing."""
        return calls_filling(self.found[name], sample_ms, *self._how())

    def call_s(self, name: str, calls: int) -> float:
        """See timing."""
        return call_s(self.found[name], calls, *self._how())

    def _how(self) -> Any:
        assert self.cell is not None
        return self.cell.threads or torch.get_num_threads(), self.cell.cache


def serve(connection: Connection, windows: Path) -> None:
    """Answer until the other end is closed."""
    server = Server(torch.from_numpy(np.load(windows)))
    while True:
        try:
            method, *arguments = connection.recv()
        except (EOFError, ConnectionResetError):  # the bench is gone
            return
        try:
            answer = getattr(server, method)(*arguments)
        except Exception as error:  # told to the bench, which ends with it
            connection.send((False, f"{type(error).__name__}: {error}"))
        else:
            connection.send((True, answer))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the bench closes the pipe
    serve(Connection(int(sys.argv[1])), Path(sys.argv[2]))
