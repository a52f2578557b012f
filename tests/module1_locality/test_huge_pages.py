"""Huge pages: really had where the kernel gives them, and a reason where it does not."""

from pathlib import Path

import numpy as np
import pytest

from module1_locality import huge_pages
from module1_locality.huge_pages import (
    HUGE_PAGE_BYTES,
    bytes_in_huge_pages,
    empty_in_huge_pages,
    why_no_huge_pages,
)


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
