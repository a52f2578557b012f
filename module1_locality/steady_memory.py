"""Keep freed memory in the process while measuring.

A training step on a CPU frees and takes again the same tens of megabytes. By default glibc gives
them back to the kernel and faults them in anew, at random: a third of the step's time, and most of
its spread. All rungs are measured with the memory kept; the column `memory_kept` says so.
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGE_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Ask the C library for it, for the rest of the process; False where it cannot be asked."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all(
        mallopt(option, _LARGE_BYTES) == 1 for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD)
    )
