"""Memory in huge pages: one entry of the TLB covers 2 MiB instead of 4 KiB."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HUGE_PAGE_BYTES = 2 << 20
_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def why_no_huge_pages() -> str | None:
    """Why the kernel gives none on `madvise`; None if it does."""
    if not hasattr(mmap, "MADV_HUGEPAGE") or not _SETTING.is_file():
        return "this kernel has no transparent huge pages"
    if "[never]" in _SETTING.read_text():
        return f"transparent huge pages are switched off in {_SETTING}"
    return None


def empty_in_huge_pages(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Memory of its own, aligned to huge pages and advised to be made of them.

    Raises:
        OSError: the kernel does not take the advice.
    """
    size = int(np.prod(shape)) * dtype.itemsize
    # Private: shared anonymous memory is a file's, which the advice does not reach.
    pages = mmap.mmap(-1, size + 2 * HUGE_PAGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(mmap.MADV_HUGEPAGE)
    memory = np.frombuffer(pages, np.uint8)
    start = -memory.ctypes.data % HUGE_PAGE_BYTES
    return memory[start : start + size].view(dtype).reshape(shape)
