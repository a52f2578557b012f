"""The memory of outputs: used again, never twice at once, and bounded."""

import gc
import os
import resource
import threading

import pytest
import torch

from module2_openmp_conv import conv1d
from module2_openmp_conv.extension import kernels

pytestmark = pytest.mark.kernels
MIB = 1 << 20


def ones_of(length: int, channels: int = 64) -> torch.Tensor:
    """An output of so many positions in each of so many channels."""
    return conv1d(torch.ones(1, 1, length), torch.ones(channels, 1, 1))


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="not kept, so that late uses are seen")
def test_a_dead_outputs_memory_is_used_again() -> None:
    first = ones_of(10_000)
    address = first.data_ptr()
    del first
    assert ones_of(10_000).data_ptr() == address


def test_living_outputs_never_share_memory() -> None:
    outs = [conv1d(torch.full((1, 1, 10_000), float(n)), torch.ones(64, 1, 1)) for n in range(20)]
    del outs[::3]
    more = [conv1d(torch.full((1, 1, 9_990), -1.0), torch.ones(64, 1, 1)) for _ in range(10)]
    kept = [n for n in range(20) if n % 3 != 0]
    for n, out in zip(kept, outs, strict=True):
        assert (out == n).all()
    assert all((out == -1).all() for out in more)


def test_an_output_is_an_ordinary_tensor() -> None:
    out = ones_of(10_000)
    view = out[:, 3:5, 10:20].clone()
    assert out.is_contiguous()
    assert out.untyped_storage().nbytes() == 64 * 10_000 * 4
    assert torch.equal(view, torch.ones(1, 2, 10))
    out.resize_(1, 64, 20_000)  # torch's own outputs can be resized, too
    assert out.shape == (1, 64, 20_000)
    assert torch.equal(out.flatten()[: 64 * 10_000], torch.ones(64 * 10_000))


def test_a_view_keeps_the_memory_alive() -> None:
    view = ones_of(10_000)[0, 0]
    for _ in range(5):
        conv1d(torch.zeros(1, 1, 10_000), torch.ones(64, 1, 1))
    assert (view == 1).all()


def test_kept_memory_is_bounded_over_thousands_of_lengths() -> None:
    for length in range(20_000, 40_000, 37):  # outputs of 5 to 10 MiB
        outs = [ones_of(length), ones_of(length + 1)]
        del outs
    assert kernels.kept_output_bytes() <= 256 * MIB


def test_memory_does_not_grow_with_calls() -> None:
    for _ in range(3):
        ones_of(50_000)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(200):  # 12.8 MB each: 2.5 GB if any were lost
        ones_of(50_000)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 64 * 1024


def test_threads_share_the_memory() -> None:
    wrong = []

    def work(number: int) -> None:
        for length in range(5_000, 6_000, 50):
            out = conv1d(torch.full((1, 1, length), float(number)), torch.ones(16, 1, 1))
            if not bool((out == number).all()):
                wrong.append((number, length))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
