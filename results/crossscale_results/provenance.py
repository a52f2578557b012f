"""Which code, data and machine a row came from, without saying whose machine it was."""

import hashlib
import os
import platform
import re
import subprocess
import sys
import tomllib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Annotated

from typing_extensions import Doc

from crossscale_results.errors import ResultsError

DISTRIBUTION = "crossscale-ecg"
DATASETS = ("mitdb", "synthetic")
UNKNOWN = "unknown"


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
        ResultsError: the dataset is neither `mitdb` nor `synthetic`.
    """
    if dataset not in DATASETS:
        raise ResultsError(f"dataset must be one of {', '.join(DATASETS)}, not {dataset!r}")
    import torch  # here: reading results needs no torch

    revision, dirty = _git_state()
    return Provenance(
        run_id=uuid.uuid4().hex[:12],
        time_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        suite_version=suite_version(),
        git_revision=revision,
        git_dirty=dirty,
        dataset=dataset,
        machine_id=_machine_id(),
        cpu_model=_cpu()[0],
        cpu_isa=cpu_isa(),
        cores_count=usable_cores(),
        threads_count=torch.get_num_threads(),
        accelerator=_accelerator(),
        python_version=platform.python_version(),
        torch_version=str(torch.__version__),
        mpi_version=_mpi_version(),
        profile=profile,
    )


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def suite_version() -> str:
    """The suite's version: of the checkout's pyproject.toml, else of the installed package."""
    pyproject = _checkout() / "pyproject.toml"
    if pyproject.is_file():
        return str(tomllib.loads(pyproject.read_text())["project"]["version"])
    return metadata.version(DISTRIBUTION)


@cache
def cpu_isa() -> str:
    """Widest vector ISA that the suite has kernels for and this CPU offers."""
    flags = _cpu()[1]
    if {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= flags:
        return "avx512"
    return "avx2" if {"avx2", "fma"} <= flags else "portable"


def _checkout() -> Path:
    return Path(__file__).resolve().parents[2]


@cache
def _git_state() -> tuple[str, bool]:
    """Commit and dirty flag of the checkout that holds this package (not of the work folder)."""
    if not (_checkout() / ".git").exists():
        return UNKNOWN, False
    try:
        revision = _git("rev-parse", "--short=12", "HEAD")
        return revision, bool(_git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN, False


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_checkout()), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@cache
def _cpu() -> tuple[str, frozenset[str]]:
    """Model name and feature flags."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.is_file() else ""
    model = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.+)$", text, re.MULTILINE)
    if model and flags:
        return model[1].strip(), frozenset(flags[1].split())
    import cpuinfo as py_cpuinfo  # takes a second: only where the kernel does not tell

    info = py_cpuinfo.get_cpu_info()
    return str(info.get("brand_raw", UNKNOWN)), frozenset(info.get("flags", ()))


@cache
def _machine_id() -> str:
    """Twelve hexadecimal digits from which nothing about the machine can be read back."""
    seed_file = Path("/etc/machine-id")
    seed = seed_file.read_text().strip() if seed_file.is_file() else f"{uuid.getnode():x}"
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    text = f"{seed}|{_cpu()[0]}|{os.cpu_count()}|{memory}"
    return hashlib.blake2b(text.encode(), key=b"crossscale-ecg", digest_size=6).hexdigest()


def _accelerator() -> str:
    import torch

    device = torch.accelerator.current_accelerator()
    if device is None:
        return "none"
    backend = torch.get_device_module(device)
    return str(getattr(backend, "get_device_name", lambda: device.type)())


def _mpi_version() -> str:
    """The running MPI's name and version; MPI is never loaded or started for the asking."""
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not mpi.Is_initialized():
        return "none"
    name, version = mpi.get_vendor()
    return f"{name} {'.'.join(str(part) for part in version)}"
