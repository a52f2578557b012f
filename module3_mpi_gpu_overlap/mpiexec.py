"""Ranks started as a child process: mpiexec found, and run."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.child_process import reason_of, run_child

# Open MPI (4, then 5) refuses more ranks than cores unless told; other launchers ignore these.
ALLOW_OVERSUBSCRIPTION = {
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
# MPICH, with more ranks than cores: one that polls would keep the next from running for a while.
YIELDING = {"MPIR_CVAR_ENABLE_HEAVY_YIELD": "1", "MPIR_CVAR_POLLS_BEFORE_YIELD": "10"}


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


def run_ranks(
    ranks: int, arguments: Sequence[str], limit_s: float, before: Sequence[str] = ()
) -> str:
    """Run `python <arguments>` on so many ranks; what they wrote to stdout.

    `before` starts a command that runs mpiexec.

    Raises:
        UserError: they failed, or took longer than `limit_s`; nothing of them runs on.
    """
    command = [*before, str(find_mpiexec()), "-n", str(ranks), sys.executable, *arguments]
    what = f"`mpiexec -n {ranks} python {' '.join(arguments)}`"
    done = run_child(command, what, limit_s, ALLOW_OVERSUBSCRIPTION)
    if done.returncode:
        raise UserError(f"{what} failed with status {done.returncode}: {reason_of(done.stderr)}")
    return done.stdout
