"""One OpenMP runtime for torch and for our kernels: the one that torch has loaded.

Two runtimes in one process keep two pools of spinning threads that fight for the cores. The
extension therefore links none: its OpenMP calls go to whatever this module made visible.
"""

import ctypes
import re
from pathlib import Path

import torch

_RUNTIME = re.compile(r"lib(gomp|iomp5|omp)\b[^/]*\.so[^/]*$")
SYSTEM_RUNTIME = "libgomp.so.1"


def loaded_runtimes() -> list[Path]:
    """The OpenMP runtimes in this process, in the order of their addresses."""
    maps = Path("/proc/self/maps")
    if not maps.is_file():
        return []
    columns = [line.split(maxsplit=5) for line in maps.read_text().splitlines()]
    files = [Path(entry[5]) for entry in columns if len(entry) == 6]
    return list(dict.fromkeys(file for file in files if _RUNTIME.search(file.name)))


def share_torchs_runtime() -> None:
    """Make the symbols of torch's OpenMP runtime visible to libraries loaded from now on.

    Where torch has brought none, the system's libgomp is loaded.

    Raises:
        OSError: there is no OpenMP runtime at all.
    """
    site = Path(torch.__file__).parents[1]
    runtimes = sorted(loaded_runtimes(), key=lambda path: not path.is_relative_to(site))
    ctypes.CDLL(str(runtimes[0]) if runtimes else SYSTEM_RUNTIME, mode=ctypes.RTLD_GLOBAL)
