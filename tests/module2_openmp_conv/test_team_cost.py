"""A team is called for a small convolution only where that is worth it, here and now."""

import os
import subprocess
import sys
import time

import pytest
import torch

from module2_openmp_conv import conv1d
from module2_openmp_conv.extension import kernels

SMALL, LARGE = 600_000, 4_000_000  # multiply-adds: worth two threads at best, and in any case

# On one core two threads never run at once: what they hand each other arrives late.
ON_ONE_CORE = f"""
import os, time, torch
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
from module2_openmp_conv.extension import kernels
torch.set_num_threads(2)
end = time.monotonic() + 0.2
while time.monotonic() < end:
    called = kernels.threads_worth_calling({SMALL}, 2)
print(called, kernels.threads_worth_calling({LARGE}, 2))
"""


@pytest.fixture(autouse=True)
def teams_are_called() -> None:
    """In place of all other tests' fixture: a team is called where that is worth it."""
    kernels.call_teams_always(False)


def test_threads_on_one_core_are_not_called_for_little() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ON_ONE_CORE], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "1 2\n"


def test_sleeping_threads_are_not_called_for_little() -> None:
    for _ in range(3):
        time.sleep(0.02)
        assert kernels.threads_worth_calling(SMALL, 2) == 1
        assert kernels.threads_worth_calling(LARGE, 2) == 2


def test_never_more_than_there_are() -> None:
    for threads in (1, 2, 3):
        for work in (0, 1, SMALL, LARGE, 2**62):
            assert 1 <= kernels.threads_worth_calling(work, threads) <= threads


def test_bits_do_not_tell_how_many_were_called() -> None:
    torch.manual_seed(0)
    x, w = torch.randn(1, 16, 500), torch.randn(16, 16, 5, requires_grad=True)
    g = torch.randn(1, 16, 500)

    def output_and_gradient() -> tuple[torch.Tensor, torch.Tensor]:
        leaf = x.clone().requires_grad_()
        y = conv1d(leaf, w, padding=2)
        y.backward(g)
        assert leaf.grad is not None
        return y.detach(), leaf.grad

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = output_and_gradient()
        torch.set_num_threads(2)
        for pause_s in [0.02] * 3 + [0.0] * 60:  # asleep, then awake and measured
            time.sleep(pause_s)
            for one, other in zip(alone, output_and_gradient(), strict=True):
                assert torch.equal(one, other)
    finally:
        torch.set_num_threads(before)


def test_measuring_ends_beside_others_that_take_the_cores() -> None:
    code = "while True: pass"
    others = [subprocess.Popen([sys.executable, "-c", code]) for _ in os.sched_getaffinity(0)]
    try:
        end = time.monotonic() + 0.5
        asked = 0
        while time.monotonic() < end:
            kernels.threads_worth_calling(SMALL, 2)
            asked += 1
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert asked > 20  # each within the team's time slices, not for ever
