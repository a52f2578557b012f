"""Verdicts from rows: honest about what was not measured, and about crowded worlds."""

from pathlib import Path
from typing import Any

import pytest

from module3_mpi_gpu_overlap.claims import claims


def verdicts(results_dir: Path) -> list[str]:
    return [claim.verdict for claim in claims(results_dir)]


def test_without_rows_nothing_was_measured(tmp_path: Path) -> None:
    assert verdicts(tmp_path) == ["not measured", "not measured"]


@pytest.mark.parametrize(
    ("exposed_s", "expected"),
    [
        ({1: 0.0, 2: 0.01, 4: 0.02}, ["not reproduced", "reproduced"]),
        ({1: 0.0, 2: 0.30, 4: 0.70}, ["reproduced", "not reproduced"]),
    ],
)
def test_the_largest_world_with_a_core_a_rank_decides(
    rows: Any, tmp_path: Path, exposed_s: dict[int, float], expected: list[str]
) -> None:
    rows.write_rounds(tmp_path, "quick", exposed_s)
    assert verdicts(tmp_path) == expected


@pytest.mark.parametrize("share", [0.01, 0.9])
def test_one_world_says_nothing_of_growth(rows: Any, tmp_path: Path, share: float) -> None:
    rows.write_rounds(tmp_path, "quick", {1: 0.0, 2: share, 8: 0.9}, crowded=(8,))
    dominates, pays = claims(tmp_path)
    assert dominates.verdict == "not measured"
    assert "two worlds of 2 or more ranks without more ranks than cores" in dominates.measured
    assert f"{share:.2%} at 2 (n = 4 rounds), 90.00% at 8* (n = 4 rounds)" in dominates.measured
    assert dominates.evidence[0].samples == pytest.approx((share,) * 2)
    assert pays.verdict == ("reproduced" if share < 0.5 else "not reproduced")


def test_crowded_worlds_are_shown_marked_and_not_judged(rows: Any, tmp_path: Path) -> None:
    rows.write_rounds(tmp_path, "quick", {1: 0.0, 2: 0.02, 3: 0.01, 8: 0.9}, crowded=(8,))
    dominates, _ = claims(tmp_path)
    assert dominates.verdict == "not reproduced"
    assert "1.00% at 3 (n = 4 rounds), 90.00% at 8* (n = 4 rounds)" in dominates.measured
    assert "not judged" in dominates.measured
    (share,) = dominates.evidence
    assert "3 ranks" in share.name
    assert share.samples == pytest.approx((0.01,) * 2)  # of starts


def test_the_place_is_what_connected_several_ranks_last(rows: Any, tmp_path: Path) -> None:
    rows.write_rounds(tmp_path, "quick", {1: 0.0, 2: 0.01, 4: 0.01})
    assert "in a round, one node, G0: " in claims(tmp_path)[0].measured
    rows.write_rounds(tmp_path, "quick", {2: 0.3, 4: 0.7}, link="several nodes")
    dominates, _ = claims(tmp_path)
    assert "in a round, several nodes, G0: median 0.00% at 1" in dominates.measured
    assert "30.00% at 2 (n = 4 rounds), 70.00% at 4 (n = 4 rounds)" in dominates.measured
    assert dominates.verdict == "reproduced"


def test_a_bench_of_other_modes_measures_nothing(rows: Any, tmp_path: Path) -> None:
    rows.write_rounds(tmp_path, "quick", {1: 0.0, 2: 0.3}, mode="G4")
    assert verdicts(tmp_path) == ["not measured", "not measured"]
    assert claims(tmp_path)[0].measured == "the bench had no G0"


def test_only_crowded_worlds_measure_nothing(rows: Any, tmp_path: Path) -> None:
    rows.write_rounds(tmp_path, "quick", {1: 0.0, 2: 0.9}, crowded=(2,))
    assert verdicts(tmp_path) == ["not measured", "not measured"]


def test_profiles_are_not_mixed(rows: Any, tmp_path: Path) -> None:
    rows.write_rounds(tmp_path, "custom", {2: 0.9})
    assert verdicts(tmp_path) == ["not measured", "not measured"]
    rows.write_rounds(tmp_path, "quick", {2: 0.9})
    rows.write_rounds(tmp_path, "paper", {2: 0.02})
    dominates, _ = claims(tmp_path)
    assert "2.00% at 2 (n = 4 rounds)" in dominates.measured
