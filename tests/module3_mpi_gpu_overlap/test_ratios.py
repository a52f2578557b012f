"""Module 3's ratios: from worlds with a core for every rank, one sample a start."""

from pathlib import Path
from typing import Any

import pytest

from crossscale_results.comparison import UNKNOWN, compare
from module3_mpi_gpu_overlap.ratios import ratios, training_shares


def test_without_rows_there_are_none(tmp_path: Path) -> None:
    assert ratios(tmp_path) == []


def test_shares_of_a_round_are_told_where_ranks_have_cores(rows: Any, tmp_path: Path) -> None:
    rows.write_rounds(tmp_path, "quick", {1: 0.0, 2: 0.25, 8: 0.4}, crowded=(8,))
    found = {ratio.name: ratio for ratio in training_shares(tmp_path)}
    assert list(found) == [
        "share of a round, local training, G0, 1 rank, 50 local steps",
        "share of a round, local training, G0, 2 ranks, 50 local steps",
    ]
    # Two starts, whose rounds are one sample each; a rank trains for 0.75 s and 0.74 s of a second.
    assert list(found.values())[1].samples == pytest.approx((0.745,) * 2)


def test_runs_are_not_compared_by_a_share_that_slower_training_raises(
    rows: Any, tmp_path: Path
) -> None:
    rows.write_rounds(tmp_path, "quick", {1: 0.0, 2: 0.25})
    assert not [ratio.name for ratio in ratios(tmp_path) if "local training" in ratio.name]


def test_rounds_and_turns_of_one_start_are_one_sample(rows: Any, tmp_path: Path) -> None:
    """What differs from start to start is in none of a start's own rounds."""
    for folder, scale in (("before", 1.0), ("after", 1.2)):
        exposed_s = {"G0": (1.0, 2.0), "G3": (0.05 * scale, scale)}
        rows.write_link_rounds(tmp_path / folder, exposed_s)
        rows.write_allreduce(tmp_path / folder, "quick", samples=20, fixed_point=scale)
        rows.write_wire(tmp_path / folder, samples=20, int8=scale)
    found = compare(*(ratios(tmp_path / folder) for folder in ("before", "after")))
    assert len(found.changes) == 6  # two of rounds, of sums and of wires
    assert {len(change.after.samples) for change in found.changes} == {1}
    assert {change.verdict for change in found.changes} == {UNKNOWN}


def test_a_sample_is_the_median_of_a_start(rows: Any, tmp_path: Path) -> None:
    for repeat in range(3):
        rows.write_allreduce(tmp_path, "quick", fixed_point=1.0 + repeat, repeat=repeat)
    for ratio in ratios(tmp_path):
        assert ratio.samples == pytest.approx((1.0, 2.0, 3.0))


def test_modes_on_a_link_are_held_against_g0_without_the_first_round(
    rows: Any, tmp_path: Path
) -> None:
    rows.write_link_rounds(tmp_path, {"G0": (1.0, 2.0), "G3": (0.05, 1.0)})
    whole, exposed = ratios(tmp_path)
    assert whole.name == "time of a round, G3 over G0, 4 hosts, 100 Mbit/s, 4 ranks, 50 local steps"
    assert whole.samples == pytest.approx((0.5,))  # of runs
    assert exposed.samples == pytest.approx((0.05,))  # nor the last, which waits
    assert not whole.greater_is_better
    assert not exposed.greater_is_better


def test_sums_are_held_against_mpis(rows: Any, tmp_path: Path) -> None:
    rows.write_allreduce(tmp_path, "quick")
    found = ratios(tmp_path)
    assert [ratio.name for ratio in found] == [
        "time of a sum, fixed-point over MPI's, 2 ranks, 1,000 numbers",
        "time of a sum, fixed-point over MPI's, 2 ranks, 1,000,000 numbers",
    ]
    assert all(ratio.samples == (1.0,) for ratio in found)


def test_scores_are_a_sample_a_seed(rows: Any, tmp_path: Path) -> None:
    rows.write_accuracy(tmp_path, {"central": [0.6, 0.62], "G0": [0.58, 0.6, 0.59]})
    found = {ratio.name: ratio.samples for ratio in ratios(tmp_path)}
    assert found == {
        "macro-F1 on DS2 of mitdb, central, 10 rounds": (0.6, 0.62),
        "macro-F1 on DS2 of mitdb, G0, 10 rounds": (0.58, 0.6, 0.59),
    }
