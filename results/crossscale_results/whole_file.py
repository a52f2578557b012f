"""Files that appear whole or not at all."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, whose file takes the place of `path` once the block has ended well.

    What an earlier writer of `path` left half-written when it was killed is removed first.

    Raises:
        OSError: it cannot be written, and names `path`; a file at `path` is as it was.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _remove_abandoned(path)
        with unfinished.open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # as long as this writer lives
            yield unfinished
            unfinished.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(unfinished)):
            error.filename = str(path)
        raise
    finally:
        _remove_if_there(unfinished)


def _remove_abandoned(path: Path) -> None:
    """Remove unfinished files of `path` that no living writer holds."""
    name = re.compile(rf"\.{re.escape(path.name)}\.\d+")
    for other in path.parent.iterdir():
        if not name.fullmatch(other.name):
            continue
        try:
            with other.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                other.unlink()
        except OSError:
            continue  # it is being written, or another has removed it


def _remove_if_there(path: Path) -> None:
    if path.exists():  # a read-only folder refuses even to remove nothing
        path.unlink()
