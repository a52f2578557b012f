"""Databases that tests read: the real one where it is named, a short synthetic one always."""

import ctypes
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from crossscale_data import synthetic
from crossscale_data.source import DATABASE_VARIABLE, HOME_VARIABLE, Source, check_source

SHORT_RECORD_S = 60.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long first, so that of two workers none ends up with one of them alone."""
    slow, mpi = (
        {item.path for item in items if item.get_closest_marker(name)} for name in ("slow", "mpi")
    )
    items.sort(key=lambda item: (item.path not in slow, item.path not in mpi))


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Started in the background a run ignores SIGINT, and so would every program that it starts."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own, so that they neither use nor touch the user's."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        yield home
    shutil.rmtree(home, ignore_errors=True)  # prepared files are large


@pytest.fixture(params=[1 << 30, 1 << 25], ids=["new", "old"])
def glibc(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> tuple[bool, list[tuple[int, int]]]:
    """A C library that takes thresholds of mmap up to a size, as glibc does from 2.35 on or did.

    Whether it is a new one, and what its `mallopt` is asked from now on.
    """
    calls: list[tuple[int, int]] = []

    def mallopt(option: int, value: int) -> int:
        calls.append((option, value))
        return int(option == -1 or value <= request.param)

    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    return request.param == 1 << 30, calls


@pytest.fixture(scope="session")
def mitdb(cache_home: Path) -> Source:
    """The real database, where the user's own variable names it."""
    named = os.environ.get(DATABASE_VARIABLE)
    if not named:
        pytest.skip(f"{DATABASE_VARIABLE} names no real database")
    return check_source(Path(named), f"named by {DATABASE_VARIABLE}")


@pytest.fixture(scope="session")
def short_synthetic(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A synthetic database of one-minute records."""
    directory = tmp_path_factory.mktemp("database") / "synthetic"
    synthetic.generate(directory, seconds=SHORT_RECORD_S, progress=False)
    return check_source(directory, "made for the tests")


@pytest.fixture(params=["mitdb", "synthetic"])
def any_source(request: pytest.FixtureRequest) -> Source:
    """Either database: the test runs on both."""
    name = "mitdb" if request.param == "mitdb" else "short_synthetic"
    source: Source = request.getfixturevalue(name)
    return source
