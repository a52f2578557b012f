"""A command that fails says so in one sentence, and in its exit status."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crossscale_results import ResultsError, UserError
from crossscale_results.cli import run

FULL = Path("/dev/full")
PRINTING = """
import sys
from dataclasses import dataclass
from crossscale_results import UserError
from crossscale_results.cli import run

@dataclass(frozen=True)
class Config:
    lines: int = 1
    fail: bool = False

def work(config):
    print("x\\n" * config.lines)
    if config.fail:
        raise UserError("no rows")

sys.exit(run(Config, work, "prog", "Prints."))
"""


@dataclass(frozen=True)
class Config:
    """How often."""

    count: int = 1


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`start(work, *arguments)`: the exit status."""

    def start(work: Callable[[Any], None], *arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["prog", *arguments])
        return run(Config, work, "prog", "Does a thing.")

    return start


def failing(error: BaseException) -> Callable[[Any], None]:
    def work(config: Config) -> None:
        raise error

    return work


def test_the_work_gets_what_the_command_line_says(start: Callable[..., int]) -> None:
    seen: list[Config] = []
    assert start(seen.append, "--count", "3") == 0
    assert seen == [Config(3)]


@pytest.mark.parametrize("error", [UserError, ResultsError])
def test_a_users_error_is_one_line_and_status_2(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str], error: type[UserError]
) -> None:
    assert start(failing(error("no rows:\n  run the bench"))) == 2
    out, err = capsys.readouterr()
    assert err == "error: no rows: run the bench\n"
    assert out == ""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize(("name", "where"), [(None, ""), ("rows.csv", " at rows.csv")])
def test_a_full_disk_is_one_line_and_status_2(
    start: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    number: int,
    name: str | None,
    where: str,
) -> None:
    assert start(failing(OSError(number, os.strerror(number), name))) == 2
    assert capsys.readouterr().err == (f"error: the disk is full{where}: make room and run again\n")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EEXIST])
def test_a_place_that_cannot_be_used_is_one_line_and_status_2(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str], number: int
) -> None:
    said = os.strerror(number)
    assert start(failing(OSError(number, said, "figures"))) == 2
    assert capsys.readouterr().err == (
        f"error: figures cannot be written or read ({said}): mend that, or name another place\n"
    )


def test_a_path_that_is_no_text_is_printed_nevertheless() -> None:
    program = PRINTING.replace('"x\\n" * config.lines', r'"x\udcff"')
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"x\\udcff\n", b"")


def test_an_interrupt_is_one_line_and_status_130(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "error: interrupted; what was finished is kept\n"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        PermissionError(errno.EACCES, "no"),
        FileNotFoundError(errno.ENOENT, "no", "a file of our own"),
        SystemExit(7),
    ],
)
def test_any_other_error_is_a_bug_and_shows_itself(
    start: Callable[..., int], error: BaseException
) -> None:
    with pytest.raises(type(error)) as caught:
        start(failing(error))
    assert caught.value is error


@pytest.mark.parametrize("arguments", [["--count", "many"], ["--nonsense"], ["left over"]])
def test_a_bad_command_line_is_status_2_and_nothing_is_done(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        start(failing(AssertionError("the work was begun")), *arguments)
    assert caught.value.code == 2
    assert "prog --help" in "".join(capsys.readouterr())


def test_help_tells_what_the_command_does(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        start(failing(AssertionError("the work was begun")), "--help")
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "prog" in out
    assert "Does a thing." in out


def printing(stdout: Any, *arguments: str, unbuffered: bool = False) -> tuple[int, str]:
    """Exit status and stderr of a command that prints to `stdout`."""
    done = subprocess.run(
        [sys.executable, "-c", PRINTING, *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1" if unbuffered else ""},
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(("lines", "unbuffered"), [(1, False), (1, True), (100_000, False)])
def test_a_reader_that_is_gone_is_no_error_to_tell(lines: int, unbuffered: bool) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert printing(writing, "--lines", str(lines), unbuffered=unbuffered) == (141, "")
    finally:
        os.close(writing)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize(("lines", "unbuffered"), [(1, False), (1, True), (100_000, False)])
def test_output_that_finds_a_full_disk_is_one_line(lines: int, unbuffered: bool) -> None:
    with FULL.open("w") as full:
        told = printing(full, "--lines", str(lines), unbuffered=unbuffered)
    assert told == (2, "error: the disk is full: make room and run again\n")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_an_error_is_told_also_where_nothing_can_be_printed() -> None:
    with FULL.open("w") as full:
        assert printing(full, "--fail") == (2, "error: no rows\n")


def test_what_was_printed_before_an_error_is_kept(tmp_path: Path) -> None:
    with (tmp_path / "out.txt").open("w") as out:
        assert printing(out, "--fail") == (2, "error: no rows\n")
    assert (tmp_path / "out.txt").read_text() == "x\n\n"
