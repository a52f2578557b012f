"""Time one contestant on so many threads, with caches warm or cold."""

import time
from functools import cache

import torch
from torch import Tensor

from module2_openmp_conv.contestant import Contestant
from module2_openmp_conv.grid import Cache
from module2_openmp_conv.memory import beyond_caches_bytes

# OpenMP's and ONNX Runtime's threads spin on after their work, libgomp's for 4 to 9 ms as measured:
# those of another pool would find the cores taken.
SETTLE_S = 0.012
_EVICTING_SHARE = 0.1  # of the free memory, at most


def calls_filling(contestant: Contestant, sample_ms: float, threads: int, cache: Cache) -> int:
    """Calls that take at least `sample_ms`, found by doubling, which warms up; 1 if cold."""
    if cache == "cold":
        contestant.result()
        return 1
    calls, sample_s = 1, sample_ms / 1e3
    while (elapsed_s := _warm_call_s(contestant, calls, threads) * calls) < sample_s:
        calls = max(2 * calls, int(calls * sample_s / max(elapsed_s, 1e-6)) // 2)
    return calls


def call_s(contestant: Contestant, calls: int, threads: int, cache: Cache) -> float:
    """Mean wall time of `calls` calls."""
    if cache == "cold":
        return _cold_call_s(contestant, threads)
    return _warm_call_s(contestant, calls, threads)


def _warm_call_s(contestant: Contestant, calls: int, threads: int) -> float:
    # Here, since it loads slowly, and with a torch built for CUDA complains where there is no GPU.
    from torch.utils.benchmark import Timer

    # Timer calls it twice or more first, which brings caches and threads back. Its own default is
    # one thread, whatever torch is set to.
    timer = Timer("run()", globals={"run": contestant.run}, num_threads=threads)
    with torch.inference_mode(not contestant.grad):
        return timer.timeit(calls).mean


def _cold_call_s(contestant: Contestant, threads: int) -> float:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode(not contestant.grad):
            contestant.run()
            _evicting().add_(1)  # read and written by all of OpenMP's threads, which are awake then
            if contestant.pool != "openmp":
                time.sleep(SETTLE_S)  # which touches no memory that would be evicted anew
            start = time.perf_counter()
            contestant.run()
            return time.perf_counter() - start
    finally:
        torch.set_num_threads(before)


@cache
def _evicting() -> Tensor:
    """An array that fills the caches twice over."""
    with torch.inference_mode(False):  # else no contestant with autograd could write to it
        return torch.zeros(beyond_caches_bytes(_EVICTING_SHARE, times=2) // 4)
