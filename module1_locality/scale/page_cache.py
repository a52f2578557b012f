"""Taking a file's pages out of the page cache, and looking whether they have left it."""

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
COLD_RATIO = 0.01  # at most this share of the pages may still be there


def cool(path: Path) -> str | None:
    """Take the file's pages out of the page cache.

    The file alone is asked for first; the whole cache is dropped only where that is not enough and
    is permitted, since other programs pay for it too.

    Returns:
        What did it, `posix_fadvise` or `drop_caches`; None where the pages stayed.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if cached_ratio(path) <= COLD_RATIO:
        return "posix_fadvise"
    try:
        DROP_CACHES.write_text("3")
    except OSError:
        return None
    return "drop_caches" if cached_ratio(path) <= COLD_RATIO else None


def cached_ratio(path: Path) -> float:
    """Share of a file's pages that are in the page cache (mincore(2)).

    Raises:
        OSError: the kernel does not say.
    """
    size = path.stat().st_size
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ) as mapped:
        whole = np.frombuffer(mapped, np.uint8)  # ctypes takes no address of read-only memory
        pages = np.zeros(-(-size // mmap.PAGESIZE), np.uint8)
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.mincore(
            ctypes.c_void_p(whole.ctypes.data),
            ctypes.c_size_t(size),
            ctypes.c_void_p(pages.ctypes.data),
        )
        del whole  # it would keep the map open
    if failed:
        raise OSError(ctypes.get_errno(), "mincore", str(path))
    return float((pages & 1).mean())
