"""A file is as it was, or whole and new."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crossscale_results.whole_file import whole_file


def test_it_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half() -> None:
        with whole_file(path) as unfinished:
            unfinished.write_text("ne")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import os, signal, sys
from pathlib import Path
from crossscale_results.whole_file import whole_file

with whole_file(Path(sys.argv[1])) as unfinished:
    unfinished.write_text("half")
    print("writing", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_writer_removes_what_a_killed_one_left_and_no_living_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    kept = [tmp_path / name for name in (".a.txt.bak", ".b.txt.12", "a.txt.12")]
    for other in kept:
        other.touch()
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    half = tmp_path / f".a.txt.{writer.pid}"
    with whole_file(path) as unfinished:
        unfinished.write_text("new")
    assert half.read_text() == "half"
    writer.communicate("die\n", timeout=60)
    with whole_file(path) as unfinished:
        unfinished.write_text("newer")
    assert path.read_text() == "newer"
    assert sorted(tmp_path.iterdir()) == sorted([*kept, path])


def test_an_error_names_the_file_that_was_to_be(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(OSError, match="No space left") as caught, whole_file(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []
