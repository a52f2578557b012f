"""Contestants whose configuration is a process's environment: a worker process for each."""

import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossscale_results import UserError
from module2_openmp_conv.extension import ISA_VARIABLE, supported_isas
from module2_openmp_conv.grid import Cell


@dataclass(frozen=True)
class Kind:
    """A process's environment, and who takes part in it."""

    environment: dict[str, str]
    contestants: dict[str, str]  # name in the rows: name in the process


KINDS = {
    # glibc maps large outputs anew and gives them back at once, so that every call of torch faults
    # its pages in; here freed memory stays and is used again. At most 32 MiB can be set as a
    # threshold, so nothing is mapped at all.
    "malloc": Kind(
        {
            "MALLOC_MMAP_MAX_": "0",
            "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
            "MALLOC_TOP_PAD_": str(64 << 20),
        },
        {
            "torch_malloc": "torch",
            "torch_malloc_packed": "torch_packed",
            "torch_malloc_blocked": "torch_blocked",
            "torch_malloc_channels_last": "torch_channels_last",
        },
    ),
    # Both with the same instruction set.
    "avx2": Kind(
        {"ONEDNN_MAX_CPU_ISA": "AVX2", ISA_VARIABLE: "avx2"},
        {"torch_avx2": "torch", "crossscale_avx2": "crossscale"},
    ),
    "thp": Kind({"THP_MEM_ALLOC_ENABLE": "1"}, {"torch_thp": "torch"}),
}


@dataclass(frozen=True)
class Worker:
    """A running process and the pipe to it."""

    name: str
    process: "subprocess.Popen[bytes]"
    connection: Connection
    folder: Path  # that results are handed over in

    def prepare(self, cell: Cell, seed: int) -> dict[str, str]:
        """Let it make the cell's problem; who can take part, as in Kind."""
        return taking_part(self.name, self._ask("prepare", cell, seed))

    def result(self, inside: str) -> tuple[Tensor, ...]:
        """One call's result."""
        paths = self._ask("result", inside, self.folder)
        tensors = tuple(torch.from_numpy(np.load(path)) for path in paths)
        for path in paths:
            path.unlink()
        return tensors

    def calls_filling(self, inside: str, sample_ms: float) -> int:
        """Calls that take so long."""
        return int(self._ask("calls_filling", inside, sample_ms))

    def call_s(self, inside: str, calls: int) -> float:
        """Mean wall time of so many calls, taken there."""
        return float(self._ask("call_s", inside, calls))

    def _ask(self, *request: Any) -> Any:
        try:
            self.connection.send(request)
            done, answer = self.connection.recv()
        except (EOFError, OSError) as error:
            status = self.process.wait()
            ended = f"was killed by signal {-status}" if status < 0 else f"ended with {status}"
            raise UserError(
                f"the benchmark's process `{self.name}` {ended}: see what it printed above, make "
                "sure that there is memory left, and run again"
            ) from error
        if not done:
            raise UserError(f"the benchmark's process `{self.name}` failed: {answer}")
        return answer


def usable(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those that make sense on this machine: `avx2` needs it."""
    return tuple(name for name in names if name != "avx2" or "avx2" in supported_isas())


def taking_part(kind: str, there: Collection[str]) -> dict[str, str]:
    """Those of a kind's contestants that can solve a problem, as in Kind.

    Args:
        kind: a key of KINDS.
        there: the names of all that can, within any one process.
    """
    wanted = KINDS[kind].contestants
    return {name: inside for name, inside in wanted.items() if inside in there}


@contextmanager
def start(names: tuple[str, ...], windows: Tensor) -> Iterator[list[Worker]]:
    """Workers of those kinds that have the windows, until the block ends.

    Args:
        names: keys of KINDS.
        windows: float32 [n, samples].
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="crossscale-bench-")))
        path = folder / "windows.npy"
        np.save(path, windows.numpy())
        workers = [_start(name, folder, path) for name in names]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.connection.close()  # which ends it
            for worker in workers:
                _end(worker.process)


def _start(name: str, folder: Path, windows: Path) -> Worker:
    ours, theirs = Pipe()
    own_folder = folder / name
    own_folder.mkdir()
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "module2_openmp_conv.worker", str(theirs.fileno()), windows],
            env={**os.environ, "PYTHONPATH": path, **KINDS[name].environment},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
    return Worker(name, process, ours, own_folder)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:  # still in a long call of an interrupted bench
        process.kill()
        process.wait()
