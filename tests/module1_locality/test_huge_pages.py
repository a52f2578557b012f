"""Huge pages: really had where the kernel gives them, and a reason where it does not."""

import re
from pathlib import Path

import numpy as np
import pytest

from module1_locality import huge_pages
from module1_locality.huge_pages import (
    HUGE_PAGE_BYTES,
    empty_in_huge_pages,
    why_no_huge_pages,
)


def bytes_in_huge_pages(array: np.ndarray) -> int | None:
    """How much of the array's mapping is in huge pages; None where the kernel does not tell."""
    try:
        maps = Path("/proc/self/smaps").read_text()
    except OSError:
        return None
    inside = False
    for line in maps.splitlines():
        if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            inside = int(found[1], 16) <= array.ctypes.data < int(found[2], 16)
        elif inside and line.startswith("AnonHugePages:"):
            return int(line.split()[1]) * 1024
    return None


@pytest.mark.skipif(why_no_huge_pages() is not None, reason=str(why_no_huge_pages()))
def test_memory_is_aligned_and_in_huge_pages() -> None:
    array = empty_in_huge_pages((3 * HUGE_PAGE_BYTES // 4,), np.dtype(np.float32))
    assert array.ctypes.data % HUGE_PAGE_BYTES == 0
    assert array.flags.writeable
    array[:] = 1
    in_huge_pages = bytes_in_huge_pages(array)
    assert in_huge_pages is None or in_huge_pages >= HUGE_PAGE_BYTES


def test_shape_and_dtype_are_as_asked() -> None:
    if why_no_huge_pages() is None:
        array = empty_in_huge_pages((7, 5), np.dtype(np.int16))
        assert (array.shape, array.dtype) == ((7, 5), np.int16)
    else:
        assert str(why_no_huge_pages())


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("always madvise [never]", "switched off"), ("always [madvise] never", None)],
)
def test_the_kernels_setting_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, reason: str | None
) -> None:
    path = tmp_path / "enabled"
    path.write_text(setting)
    monkeypatch.setattr(huge_pages, "_SETTING", path)
    found = why_no_huge_pages()
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)
    monkeypatch.setattr(huge_pages, "_SETTING", tmp_path / "none")
    assert why_no_huge_pages() == "this kernel has no transparent huge pages"
