"""Keeping freed memory: asked of the C library, told apart from where it cannot be."""

import ctypes
import subprocess
import sys

import pytest

from module1_locality.steady_memory import keep_freed_memory

PROBE = """
import resource, sys
import numpy as np
from module1_locality.steady_memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
np.ones(1 << 21)  # 16 MiB, above every threshold that glibc finds for itself at first
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
for _ in range(20):
    first, second = np.ones(1 << 21), np.ones(1 << 21)
    del first, second
print(faults() - before)
"""


def page_faults(how: str) -> int:
    probe = [sys.executable, "-c", PROBE, how]
    return int(subprocess.run(probe, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_memory_that_is_kept_is_not_faulted_in_again() -> None:
    assert page_faults("kept") < 0.5 * page_faults("given back")


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert keep_freed_memory() is False


def test_an_old_glibc_keeps_what_it_can_and_that_is_not_all(
    glibc: tuple[bool, list[tuple[int, int]]],
) -> None:
    is_new, calls = glibc
    assert keep_freed_memory() is is_new
    again = [] if is_new else [(-3, 1 << 25)]
    assert calls == [(-3, 1 << 30), *again, (-1, 1 << 30)]
