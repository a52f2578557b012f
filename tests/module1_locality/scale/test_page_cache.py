"""A file's pages leave the page cache when asked to, and are seen to."""

from pathlib import Path

import numpy as np
import pytest

from module1_locality.scale import page_cache
from module1_locality.scale.page_cache import cached_ratio, cool


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pages"
    path.write_bytes(bytes(1 << 20))
    return path


def test_what_was_just_written_is_cached_and_cooling_ends_that(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "DROP_CACHES", file.parent / "none" / "drop_caches")
    assert cached_ratio(file) == 1
    by = cool(file)
    if by is None:
        pytest.skip("this file system keeps its pages")  # tmpfs has nowhere else for them
    assert by == "posix_fadvise"
    assert cached_ratio(file) <= page_cache.COLD_RATIO
    file.read_bytes()
    assert cached_ratio(file) == 1


def test_pages_that_are_in_use_stay_and_it_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "DROP_CACHES", file.parent / "none" / "drop_caches")
    mapped = np.memmap(file, np.uint8, "r")
    assert mapped.sum() == 0  # its pages are now mapped, and cannot be dropped
    assert cool(file) is None
