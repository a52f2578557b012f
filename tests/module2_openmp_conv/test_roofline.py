"""The roofline: which bound binds a cell, and the share of it that a contestant reaches."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from module2_openmp_conv.grid import Cell
from module2_openmp_conv.roofline import cell_of, roofs, shares, shares_of_peak_beside

Made = Callable[[dict[Cell, dict[str, float]]], pd.DataFrame]


def test_the_best_repeat_is_the_roof(made_machine: pd.DataFrame) -> None:
    (roof,) = roofs(made_machine).values()
    assert roof.peaks == {"avx2": 100.0, "portable": 30.0}
    assert roof.memory_gb_per_s == 10.0
    assert roof.streams == {1 << 20: 40.0}
    assert (roof.stream(1 << 19), roof.stream(1 << 24)) == (40.0, 10.0)
    assert (roof.peak("portable"), roof.peak("none")) == (30.0, 100.0)


def test_what_may_lie_in_the_last_cache_is_not_held_against_memory(
    made_rows: Made, made_machine: pd.DataFrame
) -> None:
    cell = Cell(512, 1, 16, 3)  # of 17 MB; the largest probe of a cache is of 1 MiB
    rows = made_rows({cell: {"crossscale": cell.moved_bytes / 20e3}})  # at 20 GB/s
    large = made_machine.assign(last_level_cache_bytes=32 << 20)
    told = [shares(rows, machine).iloc[0] for machine in (made_machine, large)]
    assert [row["binding"] for row in told] == ["memory", "cache"]
    assert [row["share"] for row in told] == pytest.approx([2.0, 0.5])
    unprobed = large[large["array_bytes"].isin([0, 1 << 27])]
    assert shares(rows, unprobed).iloc[0]["share"] == pytest.approx(2.0)


def test_shares_of_the_bound_that_binds(made_rows: Made, made_machine: pd.DataFrame) -> None:
    in_memory, computed, cached = Cell(512, 1, 16, 3), Cell(64, 64, 64, 31), Cell(64, 1, 1, 3)
    in_memory_us, cached_us = in_memory.moved_bytes / 10e3, cached.moved_bytes / 40e3
    computed_us = 2e-3 * computed.multiply_adds / 100
    cold = replace(cached, cache="cold")
    rows = made_rows(
        {
            in_memory: {"crossscale": 2 * in_memory_us},
            computed: {"crossscale": 4 * computed_us},
            cached: {"crossscale": 5 * cached_us},
            cold: {"crossscale": 8 * cached_us},
            replace(cached, threads=1): {"crossscale": 1.0},  # not probed
        }
    )
    found = shares(rows, made_machine)
    by_cell = {cell_of(row): row for _, row in found.iterrows()}
    told = {
        replace(cell, threads=None): (row["binding"], round(row["share"], 3))
        for cell, row in by_cell.items()
    }
    assert told == {
        in_memory: ("memory", 0.5),
        computed: ("compute", 0.25),
        cached: ("cache", 0.2),
        cold: ("memory", 0.5),
    }
    row = by_cell[replace(in_memory, threads=2)]
    assert row["gflop_per_s"] == pytest.approx(0.5 * row["bound_gflop_per_s"])
    assert row["of_memory"] == pytest.approx(0.5)
    assert row["of_peak"] < 0.5


def test_nothing_is_known_of_a_machine_without_probes(
    made_rows: Made, made_machine: pd.DataFrame
) -> None:
    rows = made_rows({Cell(64, 1, 1, 3): {"crossscale": 1.0}})
    assert shares(rows, made_machine[made_machine["probe"] == "fma"]).empty


def test_the_peak_beside_is_compared_within_a_repeat(made_rows: Made) -> None:
    cell, other = Cell(64, 16, 16, 15), Cell(64, 16, 16, 3)
    at_80 = {each: 2e-3 * each.multiply_adds / 80 for each in (cell, other)}
    rows = made_rows(
        {
            cell: {"crossscale": at_80[cell] / 0.5, "torch": at_80[cell] / 0.25},
            other: {"crossscale": at_80[other] / 0.4},
        }
    )
    slow = rows["repeat"] == 1  # the clock fell by half, for everyone
    rows.loc[slow, "call_us"] *= 2
    rows.loc[slow, ["convolved_gflop_per_s", "peak_gflop_per_s"]] /= 2
    found = shares_of_peak_beside(rows)
    told = found.set_index(["kernel_width", "contestant"])["of_peak_beside"].to_dict()
    assert told == pytest.approx(
        {(15, "crossscale"): 0.5, (15, "torch"): 0.25, (3, "crossscale"): 0.4}
    )
