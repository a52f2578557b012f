"""Hardware counters through Linux's `perf_event_open`, where it is allowed.

See perf_event_open(2). A counter counts in this process, and in threads and processes that it
starts after the counter was opened (`inherit`), such as a loader's workers; nothing inside the
kernel is counted.
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass
from functools import cache

_SYSCALL = {"x86_64": 298, "aarch64": 241}  # the system call's number
_HARDWARE, _HARDWARE_CACHE = 0, 3  # perf_type_id
_INHERIT, _EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR = 1 << 1, 1 << 5, 1 << 6
_TIMES = 1 | 2  # read_format: the time it was enabled, and the time it ran
_ATTRIBUTES = struct.Struct("<IIQQQQQIIQQQQIiQIHH")  # perf_event_attr, version 5

EVENTS = {
    "cache_misses": (_HARDWARE, 3),  # PERF_COUNT_HW_CACHE_MISSES: of the last level
    "tlb_misses": (_HARDWARE_CACHE, 3 | 0 << 8 | 1 << 16),  # dTLB, reads, misses
}


@dataclass(frozen=True)
class Unavailable:
    """Why an event cannot be counted."""

    reason: str


@dataclass(frozen=True)
class Reading:
    """A counter's value, and for how long it was wanted and did run, in ns."""

    count: int
    enabled_ns: int
    running_ns: int


@cache
def open_event(name: str) -> int | Unavailable:
    """The file descriptor of a running counter, kept for the life of the process.

    Args:
        name: one of `EVENTS`.
    """
    number = _SYSCALL.get(platform.machine())
    if platform.system() != "Linux" or number is None:
        return Unavailable(f"no perf_event_open on {platform.system()} {platform.machine()}")
    event_type, config = EVENTS[name]
    flags = _INHERIT | _EXCLUDE_KERNEL | _EXCLUDE_HYPERVISOR
    attributes = _ATTRIBUTES.pack(
        event_type, _ATTRIBUTES.size, config, 0, 0, _TIMES, flags, *[0] * 12
    )
    this_process, any_processor, no_group = 0, -1, -1
    libc = ctypes.CDLL(None, use_errno=True)
    opened = libc.syscall(
        ctypes.c_long(number),
        ctypes.c_char_p(attributes),
        ctypes.c_int(this_process),
        ctypes.c_int(any_processor),
        ctypes.c_int(no_group),
        ctypes.c_ulong(0),
    )
    if opened >= 0:
        return int(opened)
    return Unavailable(_why(ctypes.get_errno()))


def read_event(name: str) -> Reading | Unavailable:
    """The counter's value so far."""
    opened = open_event(name)
    if isinstance(opened, Unavailable):
        return opened
    return Reading(*struct.unpack("<QQQ", os.read(opened, 24)))


def difference(before: Reading | Unavailable, after: Reading | Unavailable) -> int | Unavailable:
    """What was counted in between; nothing if the counter had to share its register."""
    if isinstance(before, Unavailable):
        return before
    if isinstance(after, Unavailable):
        return after
    if after.running_ns - before.running_ns < after.enabled_ns - before.enabled_ns:
        return Unavailable("the processor's counters were shared: it ran only part of the time")
    return after.count - before.count


def _why(error: int) -> str:
    if error in (errno.EACCES, errno.EPERM):
        return "not permitted by the kernel: see /proc/sys/kernel/perf_event_paranoid"
    if error in (errno.ENOENT, errno.EOPNOTSUPP, errno.ENODEV):
        return "this processor, or virtual machine, has no such counter"
    return f"perf_event_open: {os.strerror(error)}"
