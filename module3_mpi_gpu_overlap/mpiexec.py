"""Ranks started as a child process: mpiexec found, run with a time limit, and ended for sure."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from crossscale_results.errors import UserError

# Open MPI (4, then 5) refuses more ranks than cores unless told; other launchers ignore these.
_ALLOW_OVERSUBSCRIPTION = {
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
_GRACE_S = 5.0


def find_mpiexec() -> Path:
    """The mpiexec beside the running Python (a venv's, from pip), else the one on PATH.

    Raises:
        UserError: there is none.
    """
    beside = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    if found := beside or shutil.which("mpiexec"):
        return Path(found)
    raise UserError(
        "mpiexec was found neither beside this Python nor on PATH: install an MPI library, for "
        "example with `pip install mpich`"
    )


def run_ranks(ranks: int, arguments: Sequence[str], limit_s: float) -> str:
    """Run `python <arguments>` on so many ranks; what they wrote to stdout.

    Raises:
        UserError: they failed, or took longer than `limit_s`; nothing of them runs on.
    """
    command = [str(find_mpiexec()), "-n", str(ranks), sys.executable, *arguments]
    what = f"mpiexec -n {ranks} python {' '.join(arguments)}"
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **_ALLOW_OVERSUBSCRIPTION},
        start_new_session=True,  # so that all of it can be ended
    )
    try:
        out, err = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"`{what}` did not end in {limit_s:g} s and was stopped") from error
    finally:
        _end(child)
    if child.returncode:
        raise UserError(f"`{what}` failed with status {child.returncode}: {_reason(err)}")
    return out


def _end(child: subprocess.Popen[str]) -> None:
    """Ask the whole session to end, then make it; nothing to do once it has."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        os.killpg(child.pid, number)
        try:
            child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            continue


def _reason(err: str) -> str:
    """The error sentence of the ranks, else the last line that they wrote."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    sentences = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (sentences or lines[-1:] or ["no message"])[0]
