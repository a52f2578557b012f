"""Which code, data and machine a row came from, without saying whose machine it was."""

import platform
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from typing_extensions import Doc

from crossscale_results.checkout import git_state, suite_version
from crossscale_results.errors import ResultsError
from crossscale_results.machine import accelerator, cpu_isa, cpu_model, machine_id, usable_cores

__all__ = ["DATASETS", "PROFILES", "Provenance", "collect", "suite_version", "usable_cores"]

DATASETS = ("mitdb", "synthetic")
PROFILES = ("quick", "paper", "custom")


@dataclass(frozen=True)
class Provenance:
    """Columns that every row of a run shares."""

    run_id: Annotated[str, Doc("Random name of the run: one start of one command.")]
    time_utc: Annotated[str, Doc("When the run began, ISO 8601, UTC.")]
    suite_version: Annotated[str, Doc("Version of CrossScale-ECG.")]
    git_revision: Annotated[str, Doc("Commit of the checkout; `unknown` for an installed wheel.")]
    git_dirty: Annotated[bool, Doc("Whether tracked files differed from that commit.")]
    dataset: Annotated[str, Doc("`mitdb` (every file checked) or `synthetic`.")]
    machine_id: Annotated[str, Doc("Anonymous name of the machine, a keyed hash.")]
    cpu_model: Annotated[str, Doc("CPU model as the operating system names it.")]
    cpu_isa: Annotated[str, Doc("Widest vector ISA of the CPU: `avx512`, `avx2`, `portable`.")]
    cores_count: Annotated[int, Doc("Cores that the process may use.")]
    threads_count: Annotated[int, Doc("Threads that torch uses inside an operator.")]
    accelerator: Annotated[str, Doc("Accelerator's name, or `none`.")]
    python_version: Annotated[str, Doc("Version of Python.")]
    torch_version: Annotated[str, Doc("Version of torch with its build tag.")]
    mpi_version: Annotated[str, Doc("MPI library and version, or `none` where MPI is not used.")]
    profile: Annotated[str, Doc("`quick`, `paper`, or `custom` for a hand-made grid.")]


def collect(dataset: str, profile: str) -> Provenance:
    """The provenance of a run that begins now.

    Raises:
        ResultsError: the dataset is none of DATASETS or the profile none of PROFILES.
    """
    for what, value, known in (("dataset", dataset, DATASETS), ("profile", profile, PROFILES)):
        if value not in known:
            raise ResultsError(f"{what} must be one of {', '.join(known)}, not {value!r}")
    import torch  # here: reading results needs no torch

    revision, dirty = git_state()
    return Provenance(
        run_id=uuid.uuid4().hex[:12],
        time_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        suite_version=suite_version(),
        git_revision=revision,
        git_dirty=dirty,
        dataset=dataset,
        machine_id=machine_id(),
        cpu_model=cpu_model(),
        cpu_isa=cpu_isa(),
        cores_count=usable_cores(),
        threads_count=torch.get_num_threads(),
        accelerator=accelerator(),
        python_version=platform.python_version(),
        torch_version=str(torch.__version__),
        mpi_version=_mpi_version(),
        profile=profile,
    )


def _mpi_version() -> str:
    """The running MPI's name and version; MPI is never loaded or started for the asking."""
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not mpi.Is_initialized():
        return "none"
    name, version = mpi.get_vendor()
    return f"{name} {'.'.join(str(part) for part in version)}"
