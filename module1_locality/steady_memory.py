"""Keep freed memory in the process while measuring.

A training step on a CPU frees and takes again the same tens of megabytes. By default glibc gives
them back to the kernel and faults them in anew, at random: a third of the step's time, and most of
its spread. All rungs are measured with the memory kept; the column `memory_kept` says so.
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGE_BYTES = 1 << 30
_MOST_OF_OLD_BYTES = 1 << 25  # glibc before 2.35 takes no larger M_MMAP_THRESHOLD


def keep_freed_memory() -> bool:
    """Ask the C library for it, for the rest of the process.

    False where it cannot be asked, and where only blocks up to 32 MiB are kept: large batches and
    models have larger ones.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    kept = mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES) == 1
    if not kept:
        mallopt(_M_MMAP_THRESHOLD, _MOST_OF_OLD_BYTES)
    trimmed_late = mallopt(_M_TRIM_THRESHOLD, _LARGE_BYTES) == 1
    return kept and trimmed_late
