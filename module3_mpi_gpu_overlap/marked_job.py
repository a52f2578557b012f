"""An mpiexec job whose every process can be found again, also when mpiexec is gone. Needs /proc.

Every process of a job has a mark in its environment, and a rank its number.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.mpiexec import ALLOW_OVERSUBSCRIPTION, find_mpiexec

MARK = "CROSSSCALE_JOB"
RANK_VARIABLES = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")
LOOK_S = 0.005
SCAN_S = 0.05  # a look at all processes costs more
PROCESSES = Path("/proc")


@dataclass(frozen=True)
class MarkedJob:
    """A job that was started."""

    mpiexec: subprocess.Popen[bytes]
    mark: str
    ranks: int
    out: Path  # what its ranks write to stdout, and below to stderr
    err: Path

    def processes(self) -> dict[int, int | None]:
        """Those that are alive, stopped ones too: their ranks by pid, None for the launcher's."""
        found = {}
        for folder in PROCESSES.iterdir():
            if folder.name.isdecimal():
                with suppress(OSError):  # it ended, or is not ours to read
                    variables = (folder / "environ").read_bytes().split(b"\0")
                    if f"{MARK}={self.mark}".encode() in variables:
                        found[int(folder.name)] = _rank_of(variables)
        return found

    def pid_of(self, rank: int) -> int:
        """The process of a rank, waited for; -1 if the job ended before it was there."""
        while self.mpiexec.poll() is None:
            pids = [pid for pid, own in self.processes().items() if own == rank]
            if pids:
                return pids[0]
            time.sleep(LOOK_S)
        return -1

    def wait_until(self, happened: Callable[[], bool]) -> bool:
        """Wait for something; False if mpiexec ended before."""
        while not happened():
            if self.mpiexec.poll() is not None:
                return False
            time.sleep(LOOK_S)
        return self.mpiexec.poll() is None

    def wait_for_end(self, limit_s: float) -> bool:
        """Wait until no process is left; False, and all are killed, if that takes longer."""
        end_s = time.monotonic() + limit_s
        while self.mpiexec.poll() is None and time.monotonic() < end_s:
            time.sleep(LOOK_S)
        while (left := self.processes()) and time.monotonic() < end_s:
            time.sleep(SCAN_S)
        self.kill()
        return not left

    def kill(self) -> None:
        """End whatever of it is left."""
        while left := self.processes():
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(LOOK_S)
        self.mpiexec.wait()


def start_job(
    ranks: int, arguments: Sequence[str], folder: Path, variables: Mapping[str, str]
) -> MarkedJob:
    """Start `python <arguments>` on so many ranks; what they write lies in `folder`.

    Raises:
        UserError: there is no mpiexec, or no /proc.
    """
    if not (PROCESSES / "self" / "environ").is_file():
        raise UserError(
            "the processes of a job are found in /proc, which is not here: it needs Linux"
        )
    mark, out, err = uuid.uuid4().hex, folder / "out", folder / "err"
    with out.open("wb") as out_file, err.open("wb") as err_file:
        mpiexec = subprocess.Popen(
            [str(find_mpiexec()), "-n", str(ranks), sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out_file,
            stderr=err_file,
            env={**os.environ, **ALLOW_OVERSUBSCRIPTION, **variables, MARK: mark},
            start_new_session=True,  # Ctrl-C is ours, not the job's
        )
    return MarkedJob(mpiexec, mark, ranks, out, err)


def _rank_of(variables: Sequence[bytes]) -> int | None:
    values = dict(variable.partition(b"=")[::2] for variable in variables)
    told = [values[name.encode()] for name in RANK_VARIABLES if name.encode() in values]
    return int(told[0]) if told else None
