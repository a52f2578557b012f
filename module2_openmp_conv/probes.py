"""What this machine can do at most, measured: multiply-adds by instruction set, and bandwidth."""

from collections.abc import Iterator, Sequence

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
    for machine in probes_of(thread_counts, in_memory_bytes):
        values = _measured(machine, len(repeats))
        for repeat, value in zip(repeats, values, strict=True):
            yield _row(machine, repeat, value)


def probes_of(thread_counts: tuple[int, ...], in_memory_bytes: int) -> list[Machine]:
    """Every probe on so many threads, in the order they are measured; arguments as above."""
    cache = last_level_cache_bytes()
    return [
        probe
        for threads in thread_counts
        for probe in (
            *(Machine(FMA, isa, threads, 0, cache) for isa in supported_isas()),
            *(
                Machine(stream, "none", threads, size, cache)
                for stream in STREAMS
                for size in _array_sizes(stream, in_memory_bytes)
            ),
        )
    ]


def empty_columns_of(machine: Machine) -> dict[str, str]:
    """The column that the probe leaves empty, and why."""
    if machine.probe == FMA:
        return {"stream_gb_per_s": _NO_STREAM}
    return {"peak_gflop_per_s": _NO_PEAK}


def _array_sizes(probe: str, in_memory_bytes: int) -> list[int]:
    # A fill passes the caches by: there is nothing to see in small arrays.
    cached = () if probe == "fill" else _CACHED_BYTES
    small = [size // ARRAYS[probe] for size in cached if size < last_level_cache_bytes()]
    return [*small, in_memory_bytes]


def _measured(machine: Machine, repeats: int) -> Sequence[float]:
    threads = machine.threads
    if machine.probe == FMA:
        return [kernels.peak_gflop_per_s(machine.isa, threads, _PEAK_S) for _ in range(repeats)]
    try:
        rates = kernels.stream_gb_per_s(machine.probe, machine.array_bytes, threads, repeats)
    except RuntimeError as error:
        raise UserError(f"the machine cannot be measured: {error}") from error
    return rates


def _row(machine: Machine, repeat: int, value: float) -> Row:
    is_peak = machine.probe == FMA
    measured = MachineMeasurement(
        peak_gflop_per_s=value if is_peak else None, stream_gb_per_s=None if is_peak else value
    )
    return Row(machine, measured, 0, repeat, empty_columns_of(machine))
