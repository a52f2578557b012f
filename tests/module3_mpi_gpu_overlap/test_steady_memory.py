"""Every rank keeps the memory that it frees; another C library is left alone."""

import ctypes
import subprocess
import sys

import pytest

from module3_mpi_gpu_overlap.steady_memory import keep_freed_memory

PROBE = """
import resource, sys
from dataclasses import dataclass
import numpy as np
from module3_mpi_gpu_overlap.launch import run_on_ranks

@dataclass(frozen=True)
class Nothing:
    pass

def work(*_):
    np.ones(1 << 21)  # 16 MiB, above every threshold that glibc finds for itself at first
    faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    before = faults()
    for _ in range(20):
        first, second = np.ones(1 << 21), np.ones(1 << 21)
        del first, second
    print(faults() - before)

how = sys.argv.pop()
sys.exit(run_on_ranks(Nothing, work, "probe", "") if how == "rank" else work())
"""


def page_faults(how: str) -> int:
    probe = [sys.executable, "-c", PROBE, how]
    done = subprocess.run(probe, check=True, capture_output=True, text=True, timeout=60)
    return int(done.stdout)


@pytest.mark.mpi
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_what_a_rank_frees_is_not_faulted_in_again() -> None:
    assert page_faults("rank") < 0.5 * page_faults("alone")


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
