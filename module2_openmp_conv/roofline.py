"""The bound that binds each cell, from what the same run measured of the machine.

A kernel can be no faster than its multiply-adds at the peak of its instruction set, nor than its
tensors, each moved once, at the bandwidth of where they lie (Williams, Waterman & Patterson,
Roofline, Comm. ACM 52, 2009).
"""

from dataclasses import dataclass

import pandas as pd

from module2_openmp_conv.grid import Cell
from module2_openmp_conv.probes import ARRAYS, FMA
from module2_openmp_conv.speedup import CELL


@dataclass(frozen=True)
class Roof:
    """A machine with so many threads."""

    peaks: dict[str, float]  # GFLOP/s by instruction set
    streams: dict[int, float]  # GB/s by the bytes of a probe's arrays together; the best probe's
    memory_gb_per_s: float  # with arrays beyond the caches
    last_level_cache_bytes: int  # as the system tells

    def peak(self, kernels_isa: str) -> float:
        """GFLOP/s of that instruction set; of the fastest for a contestant that is not ours."""
        return self.peaks.get(kernels_isa, max(self.peaks.values()))

    def stream(self, moved_bytes: float) -> float:
        """GB/s where so many bytes lie: of the smallest probe that holds them, else of memory.

        What is larger than every probe of a cache, and may lie in the last one, has the largest's.
        """
        held = [size for size in self.streams if size >= moved_bytes]
        if not held and moved_bytes <= self.last_level_cache_bytes:
            held = [max(self.streams)] if self.streams else []
        return self.streams[min(held)] if held else self.memory_gb_per_s


def roofs(machine: pd.DataFrame) -> dict[int, Roof]:
    """By number of threads, from rows of the machine table of one run: the best of all repeats."""
    found = {}
    for threads, rows in machine.groupby("threads"):
        is_fma = rows["probe"] == FMA
        peaks = rows[is_fma].groupby("isa")["peak_gflop_per_s"].max()
        streams = rows[~is_fma].copy()
        if peaks.empty or streams.empty:
            continue
        in_memory = streams["array_bytes"] == streams["array_bytes"].max()
        streams["held"] = streams["array_bytes"] * streams["probe"].map(ARRAYS)
        cached = streams[~in_memory]
        # Copy and triad of one total may differ by a rounded line: to whole pages.
        sizes = (cached["held"].astype(float) / 4096).round().astype(int) * 4096
        by_size = cached.groupby(sizes)["stream_gb_per_s"].max()
        found[int(str(threads))] = Roof(
            {str(isa): float(value) for isa, value in peaks.items()},
            {int(str(size)): float(value) for size, value in by_size.items()},
            float(streams[in_memory]["stream_gb_per_s"].max()),
            int(streams["last_level_cache_bytes"].max()),
        )
    return found


def shares(frame: pd.DataFrame, machine: pd.DataFrame) -> pd.DataFrame:
    """Each contestant's share of its binding bound, in the cells whose threads were probed.

    Args:
        frame: rows of the convolution table, of one run.
        machine: rows of the machine table, of the same run.

    Returns:
        One row a cell and contestant: their columns, median `call_us`, `flop_per_byte`,
        `gflop_per_s`, `binding` (`compute`, `cache` or `memory`), `bound_gflop_per_s`, `share` of
        it, and the shares `of_peak` and `of_memory` of either bound alone.
    """
    by_threads = roofs(machine)
    keys = [*CELL, "contestant", "kernels_isa"]
    rows = []
    for values, samples in frame.groupby(keys):
        row: dict[str, object] = dict(zip(keys, values, strict=True))
        if int(str(row["threads"])) not in by_threads:
            continue
        call_s = float(samples["call_us"].median()) * 1e-6
        rows.append({**row, "call_us": call_s * 1e6, **_bounds(row, call_s, by_threads)})
    return pd.DataFrame(rows, columns=[*keys, "call_us", *_BOUNDS])


def shares_of_peak_beside(frame: pd.DataFrame) -> pd.DataFrame:
    """Each contestant's share of the multiply-adds' peak that its own repeats had beside them.

    `shares` holds every call against the best that the machine did at any time of the run; this is
    the ratio within a repeat, as speed-ups are.

    Args:
        frame: rows of the convolution table, of one run.

    Returns:
        One row a cell and contestant: their columns, and `of_peak_beside`, the median of the
        repeats' ratios.
    """
    share = frame["convolved_gflop_per_s"] / frame["peak_gflop_per_s"]
    rows = frame[[*CELL, "contestant"]].assign(of_peak_beside=share)
    return rows.groupby([*CELL, "contestant"])["of_peak_beside"].median().reset_index()


_BOUNDS = (
    "flop_per_byte",
    "gflop_per_s",
    "binding",
    "bound_gflop_per_s",
    "share",
    "of_peak",
    "of_memory",
)


def _bounds(
    row: dict[str, object], call_s: float, by_threads: dict[int, Roof]
) -> dict[str, object]:
    cell = cell_of(row)
    roof = by_threads[int(str(row["threads"]))]
    gflop, gigabytes = 2e-9 * cell.multiply_adds, 1e-9 * cell.moved_bytes
    # Cold caches hold nothing.
    cold = cell.cache == "cold"
    stream = roof.memory_gb_per_s if cold else roof.stream(cell.moved_bytes)
    peak = roof.peak(str(row["kernels_isa"]))
    compute_s, move_s = gflop / peak, gigabytes / stream
    in_memory = stream == roof.memory_gb_per_s
    return {
        "flop_per_byte": gflop / gigabytes,
        "gflop_per_s": gflop / call_s,
        "binding": "compute" if compute_s >= move_s else "memory" if in_memory else "cache",
        "bound_gflop_per_s": gflop / max(compute_s, move_s),
        "share": max(compute_s, move_s) / call_s,
        "of_peak": compute_s / call_s,
        "of_memory": gigabytes / roof.memory_gb_per_s / call_s,
    }


def cell_of(row: "dict[str, object] | pd.Series") -> Cell:
    """The cell that a row's columns name."""
    numbers = {name: int(str(row[name])) for name in CELL if name not in ("operation", "cache")}
    return Cell(**numbers, operation=str(row["operation"]), cache=str(row["cache"]))  # type: ignore[arg-type]
