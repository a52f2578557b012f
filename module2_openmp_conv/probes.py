"""What this machine can do at most, measured: multiply-adds by instruction set, and bandwidth."""

from collections.abc import Iterator

from crossscale_results import Row, UserError
from module2_openmp_conv.columns import Machine, MachineMeasurement
from module2_openmp_conv.extension import kernels, supported_isas
from module2_openmp_conv.memory import beyond_caches_bytes, last_level_cache_bytes

FMA = "fma"
STREAMS = ("copy", "triad", "fill")
ARRAYS = {"copy": 2, "triad": 3, "fill": 1}
_PEAK_S = 0.01  # short: one of several finds the cores free even on a busy machine
# All arrays of a probe together: a layer's tensors lie in one cache or the other, or in memory.
_CACHED_BYTES = (1 << 20, 4 << 20, 16 << 20)
_TIMES_CACHE = 4.0  # each array
_FREE_SHARE = 0.08  # each array, of the free memory, at most
_NO_STREAM = "the probe counts operations"
_NO_PEAK = "the probe counts bytes"


def memory_array_bytes() -> tuple[int, bool]:
    """Size of each array of a probe of memory, and whether free memory kept it from being more."""
    size = beyond_caches_bytes(_FREE_SHARE, _TIMES_CACHE)
    return size, size < _TIMES_CACHE * last_level_cache_bytes()


def probe_rows(
    thread_counts: tuple[int, ...], in_memory_bytes: int, repeats: range
) -> Iterator[Row]:
    """Raw samples of every probe on so many threads.

    Args:
        thread_counts: each has all probes.
        in_memory_bytes: size of each array that is to lie in memory.
        repeats: what their repeats are numbered.

    Raises:
        UserError: there is not enough memory.
    """
    for threads in thread_counts:
        for isa in supported_isas():
            for repeat in repeats:
                value = kernels.peak_gflop_per_s(isa, threads, _PEAK_S)
                yield _row(Machine(FMA, isa, threads, 0, last_level_cache_bytes()), repeat, value)
        for probe in STREAMS:
            for array_bytes in _array_sizes(probe, in_memory_bytes):
                yield from _stream_rows(probe, array_bytes, threads, repeats)


def _array_sizes(probe: str, in_memory_bytes: int) -> list[int]:
    # A fill passes the caches by: there is nothing to see in small arrays.
    cached = () if probe == "fill" else _CACHED_BYTES
    small = [size // ARRAYS[probe] for size in cached if size < last_level_cache_bytes()]
    return [*small, in_memory_bytes]


def _stream_rows(probe: str, array_bytes: int, threads: int, repeats: range) -> Iterator[Row]:
    try:
        rates = kernels.stream_gb_per_s(probe, array_bytes, threads, len(repeats))
    except RuntimeError as error:
        raise UserError(f"the machine cannot be measured: {error}") from error
    for repeat, rate in zip(repeats, rates, strict=True):
        machine = Machine(probe, "none", threads, array_bytes, last_level_cache_bytes())
        yield _row(machine, repeat, rate)


def _row(machine: Machine, repeat: int, value: float) -> Row:
    if machine.probe == FMA:
        measured = MachineMeasurement(peak_gflop_per_s=value, stream_gb_per_s=None)
        return Row(machine, measured, 0, repeat, {"stream_gb_per_s": _NO_STREAM})
    measured = MachineMeasurement(peak_gflop_per_s=None, stream_gb_per_s=value)
    return Row(machine, measured, 0, repeat, {"peak_gflop_per_s": _NO_PEAK})
