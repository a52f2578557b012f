"""Page faults, switches and the processor's counters: counted, or with the reason why not."""

import ctypes
import errno
import os
import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from module1_locality import perf_events
from module1_locality.host_counters import HostCounters
from module1_locality.perf_events import Reading, Unavailable, difference, open_event, read_event


@pytest.fixture
def reopened() -> Iterator[None]:
    """Counters are opened anew in the test, and again after it."""
    open_event.cache_clear()
    yield
    open_event.cache_clear()


def test_new_memory_faults_and_sleep_switches() -> None:
    counters = HostCounters()
    np.ones(1 << 24)  # 128 MiB: mapped anew whatever malloc keeps
    for _ in range(20):
        time.sleep(1e-3)
    counts = counters.so_far()
    assert counts.minor_faults > 0
    assert counts.voluntary_switches >= 10
    assert counts.major_faults >= 0


@pytest.mark.parametrize("name", ["cache_misses", "tlb_misses"])
def test_a_counter_counts_or_says_why_not(name: str) -> None:
    before = read_event(name)
    np.random.default_rng(0).permutation(1 << 22)
    counted = difference(before, read_event(name))
    assert counted.reason if isinstance(counted, Unavailable) else counted > 1000


class Kernel:
    """Stands for the C library: answers the system call with a pipe that holds a reading."""

    def __init__(self, error: int | None = None) -> None:
        self.error = error
        self.attributes = b""

    def syscall(self, number: Any, attributes: Any, *_: Any) -> int:
        self.attributes = ctypes.string_at(attributes, 112)
        if self.error is not None:
            ctypes.set_errno(self.error)
            return -1
        read, write = os.pipe()
        os.write(write, struct.pack("<QQQ", 77, 5, 5))
        os.close(write)
        return read


@pytest.mark.usefixtures("reopened")
def test_the_kernel_is_asked_as_its_manual_says(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    monkeypatch.setattr(perf_events.ctypes, "CDLL", lambda *_, **__: kernel)
    monkeypatch.setattr(perf_events.platform, "machine", lambda: "x86_64")
    assert read_event("tlb_misses") == Reading(77, 5, 5)
    kind, size, config = struct.unpack_from("<IIQ", kernel.attributes)
    assert (kind, size, config) == (3, 112, 0x10003)
    read_format, flags = struct.unpack_from("<QQ", kernel.attributes, 32)
    assert (read_format, flags) == (3, 0b1100010)  # inherit, exclude kernel and hypervisor
    opened = open_event("tlb_misses")
    assert isinstance(opened, int)
    os.close(opened)


@pytest.mark.usefixtures("reopened")
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errno.EACCES, "not permitted"),
        (errno.EPERM, "not permitted"),
        (errno.ENOENT, "no such counter"),
        (errno.ENOSYS, "perf_event_open: "),
    ],
)
def test_a_refusal_becomes_a_reason(monkeypatch: pytest.MonkeyPatch, error: int, said: str) -> None:
    monkeypatch.setattr(perf_events.ctypes, "CDLL", lambda *_, **__: Kernel(error))
    monkeypatch.setattr(perf_events.platform, "machine", lambda: "x86_64")
    found = read_event("cache_misses")
    assert isinstance(found, Unavailable)
    assert said in found.reason


@pytest.mark.usefixtures("reopened")
def test_another_system_has_no_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perf_events.platform, "system", lambda: "Darwin")
    found = read_event("cache_misses")
    assert isinstance(found, Unavailable)
    assert "Darwin" in found.reason


def test_a_counter_that_was_shared_is_not_scaled_up() -> None:
    assert difference(Reading(10, 100, 100), Reading(25, 200, 200)) == 15
    shared = difference(Reading(10, 100, 100), Reading(25, 200, 150))
    assert isinstance(shared, Unavailable)
    assert difference(Unavailable("no"), Reading(1, 1, 1)) == Unavailable("no")
