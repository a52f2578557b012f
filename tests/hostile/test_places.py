"""A disk that is full, a folder that may only be read: one sentence, and what was there stays."""

from collections.abc import Callable
from pathlib import Path

import pytest

Writer = Callable[[Path], tuple[str | Path, ...]]


@pytest.fixture(params=["rows", "checkpoint", "figures", "report"])
def writer(
    request: pytest.FixtureRequest, training: tuple[str, ...], rows: Path, tmp_path: Path
) -> Writer:
    """What writes files of that kind into a folder."""
    elsewhere = tmp_path / "results"
    writers: dict[str, Writer] = {
        "rows": lambda out: (*training, "--results-dir", out),
        "checkpoint": lambda out: (*training, "--results-dir", elsewhere, "--checkpoint", out),
        "figures": lambda out: ("scripts/figures", "--results-dir", rows, "--out", out),
        "report": lambda out: ("scripts/report", rows, "--output", out),
    }
    return writers[request.param]


def fill(folder: Path) -> None:
    """Take all room but nearly a page, which a new file's name may need."""
    with (folder / "taken").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


@pytest.mark.timeout(120)
def test_a_full_disk_is_one_sentence_and_nothing_is_half_written(
    writer: Writer, refusal: Callable[..., str], mounted: Callable[[str], Path]
) -> None:
    disk = mounted("size=64k")
    fill(disk)
    said = refusal(*writer(disk / "out"))
    assert "disk is full" in said or "No space left on device" in said
    assert str(disk / "out") in said
    # A table that got no row is an empty file, which the next writer takes for a new one.
    left = [path for path in (disk / "out").iterdir() if path.stat().st_size]
    assert left == []


@pytest.mark.timeout(120)
def test_a_read_only_folder_is_one_sentence(
    writer: Writer, refusal: Callable[..., str], mounted: Callable[[str], Path]
) -> None:
    folder = mounted("ro")
    said = refusal(*writer(folder / "out"))
    assert str(folder / "out") in said
    assert "Read-only file system" in said


@pytest.mark.parametrize("work", [("prepare",), ("fetch", "--synthetic")])
def test_a_cache_without_room_or_right_is_one_sentence(
    work: tuple[str, ...], refusal: Callable[..., str], mounted: Callable[[str], Path]
) -> None:
    full, read_only = mounted("size=64k"), mounted("ro")
    assert "disk is full" in refusal("-m", "crossscale_data", *work, home=full / "home")
    files = [path for path in full.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert files == []
    said = refusal("-m", "crossscale_data", *work, home=read_only / "home")
    assert "Read-only file system" in said


@pytest.mark.timeout(120)
def test_figures_that_find_a_full_disk_leave_the_old_ones(
    command: Callable[..., object],
    refusal: Callable[..., str],
    rows: Path,
    mounted: Callable[[str], Path],
) -> None:
    disk = mounted("size=1m")
    drawn = ("scripts/figures", "--results-dir", rows, "--out", disk)
    command(*drawn)
    before = {path: path.read_bytes() for path in disk.iterdir()}
    assert before
    fill(disk)
    refusal(*drawn)
    (disk / "taken").unlink()
    assert {path: path.read_bytes() for path in disk.iterdir()} == before
