"""Keep freed memory in the process, on every rank.

A local step on a CPU frees and takes again its gradients and the optimiser's temporaries. By
default glibc gives them back to the kernel and faults them in anew: a quarter of the steps' time
for a model of 10 M parameters, whatever the mode. The ranks of other runners keep it, too.
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
