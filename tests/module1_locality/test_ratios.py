"""Module 1's ratios: paired by repeat, the right ones over the right ones."""

from pathlib import Path

import pandas as pd
import pytest

from module1_locality.ratios import (
    assembly_ratios,
    peer_ratios,
    ratios,
    scale_ratios,
    training_ratios,
)


def test_without_rows_there_are_none(tmp_path: Path) -> None:
    assert ratios(tmp_path) == []


def test_training_is_held_against_a0_in_the_same_repeat() -> None:
    rates = {("A0", 0): 100.0, ("A0", 1): 50.0, ("A5", 0): 110.0, ("A5", 1): 75.0, ("C0", 0): 120.0}
    rows = pd.DataFrame(
        [(rung, repeat, 64, "cpu", rate) for (rung, repeat), rate in rates.items()],
        columns=["rung", "repeat", "batch_size", "device", "trained_samples_per_s"],
    )
    (ratio,) = training_ratios(rows)
    assert ratio.name == "training throughput on cpu, A5 over A0, batch 64"
    assert ratio.samples == pytest.approx((1.1, 1.5))
    assert ratio.greater_is_better


def test_assembly_is_held_against_memcpy_and_a0() -> None:
    rates = {"A0": 0.25, "A3": 6.0, "memcpy": 8.0}
    rows = pd.DataFrame(
        [(method, repeat, 256, rate) for method, rate in rates.items() for repeat in range(2)],
        columns=["method", "repeat", "batch_size", "assembled_gb_per_s"],
    )
    found = {ratio.name: ratio.value for ratio in assembly_ratios(rows)}
    assert found == {
        "host assembly, A3 over memcpy, batch 256": 0.75,
        "host assembly, A3 over A0, batch 256": 24.0,
    }


def test_the_fastest_settings_of_the_fastest_library_are_what_counts() -> None:
    ways = [
        ("peer", "slow", "best", 1.0),
        ("peer", "fast", "as documented", 2.0),
        ("peer", "fast", "best", 5.0),
        ("suite", "A5", "", 20.0),
    ]
    rows = pd.DataFrame(
        [(*way, 256, repeat) for way in ways for repeat in range(3)],
        columns=[
            "role",
            "contestant",
            "settings",
            "assembled_samples_per_s",
            "batch_size",
            "repeat",
        ],
    )
    (ratio,) = peer_ratios(rows)
    assert ratio.samples == (4.0, 4.0, 4.0)
    assert ratio.name == "host assembly, A5 over the fastest other loader, batch 256"


def test_scale_compares_the_largest_with_the_smallest_warm() -> None:
    rows = pd.DataFrame(
        [("A5", 1, "warm", 0, 10.0), ("A5", 20, "warm", 0, 9.0), ("A5", 20, "cold", 0, 1.0)],
        columns=["rung", "copies_count", "cache", "repeat", "assembled_samples_per_s"],
    )
    (ratio,) = scale_ratios(rows)
    assert ratio.samples == (0.9,)
    assert "from 20 times the data over 1 times" in ratio.name
