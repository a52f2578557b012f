"""On what machine a row was measured, without saying whose it is."""

import hashlib
import os
import re
from functools import cache
from pathlib import Path

CPU_INFORMATION = Path("/proc/cpuinfo")
MACHINE_SEED = Path("/etc/machine-id")
UNKNOWN = "unknown"


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """The CPU's model as the operating system names it."""
    return _cpu()[0]


def cpu_isa() -> str:
    """Widest vector ISA that the suite has kernels for and this CPU offers."""
    return isa_of(_cpu()[1])


def isa_of(flags: frozenset[str]) -> str:
    """`avx512`, `avx2` or `portable`, by the CPU's feature flags."""
    if {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= flags:
        return "avx512"
    return "avx2" if {"avx2", "fma"} <= flags else "portable"


@cache
def machine_id() -> str:
    """Twelve hexadecimal digits that name the machine and tell nothing else about it.

    A keyed hash of the operating system's random machine id, the CPU's model, the number of cores
    and the memory in GiB (finer, it would change with the kernel's own share).
    """
    seed = MACHINE_SEED.read_text().strip() if os.access(MACHINE_SEED, os.R_OK) else ""
    memory_gib = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    text = f"{seed}|{cpu_model()}|{os.cpu_count()}|{memory_gib}"
    return hashlib.blake2b(text.encode(), key=b"crossscale-ecg", digest_size=6).hexdigest()


def accelerator() -> str:
    """The accelerator's name, or `none`."""
    import torch  # here: reading results needs no torch

    # A build of torch for an accelerator names it also where there is none, unless asked to check.
    device = torch.accelerator.current_accelerator(check_available=True)
    if device is None:
        return "none"
    backend = torch.get_device_module(device)
    return str(getattr(backend, "get_device_name", lambda: device.type)())


@cache
def _cpu() -> tuple[str, frozenset[str]]:
    """Model and feature flags."""
    text = CPU_INFORMATION.read_text() if CPU_INFORMATION.is_file() else ""
    model = re.search(r"^model name\s*: *(\S.*)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: *(\S.*)$", text, re.MULTILINE)
    if model and flags:
        return model[1].strip(), frozenset(flags[1].split())
    import cpuinfo  # py-cpuinfo takes a second: only where the kernel does not tell

    found = cpuinfo.get_cpu_info()
    return str(found.get("brand_raw", UNKNOWN)), frozenset(found.get("flags", ()))
