"""A control group that limits a process's memory, page cache included, where one may be made."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
PATIENCE_S = 10.0  # for who is still ending when the group is left


class NoMemoryGroupError(Exception):
    """No group can be made here; its text says why."""


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path]:
    """A new group with that limit; a process joins by writing its id to the path given.

    Raises:
        NoMemoryGroupError: there are no control groups for memory, or none may be made.
    """
    parent, limit_file = _own_group()
    group = parent / f"crossscale-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise NoMemoryGroupError(f"no control group may be made: {error.strerror}") from None
    try:
        try:
            (group / limit_file).write_text(str(limit_bytes))
        except OSError as error:
            raise NoMemoryGroupError(f"no memory limit may be set: {error.strerror}") from None
        yield group / "cgroup.procs"
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Remove a group whose processes have ended, or what they started is just ending."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            group.rmdir()
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _own_group() -> tuple[Path, str]:
    """This process's memory group, and the file in a group that holds its limit."""
    groups: dict[str, str] = {}
    if OWN_GROUPS.is_file():
        for line in OWN_GROUPS.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups |= dict.fromkeys(controllers.split(","), path.lstrip("/"))
    if "memory" in groups and (CGROUPS / "memory").is_dir():  # version 1
        return CGROUPS / "memory" / groups["memory"], "memory.limit_in_bytes"
    if "" in groups and (CGROUPS / "cgroup.controllers").is_file():  # version 2
        return CGROUPS / groups[""], "memory.max"
    raise NoMemoryGroupError("this system has no control groups for memory")
