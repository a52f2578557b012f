"""Models averaged by what they changed by: right, the same on all ranks, flat and by nodes."""

from typing import Any

import pytest

pytestmark = pytest.mark.mpi

RANKS = 4
FORMATS = ("float32", "int8", "top-k")
NODES = (0, 1, 2, 3, 4)  # ranks of each; 0 is a flat exchange, 3 leaves a node with one
# What a number near 1e-3 may be off by: float32's rounding of the base; half a step and again.
TOLERANCE = {"float32": 1e-6, "int8": 4e-5, "top-k": 4e-3}


@pytest.fixture(scope="module")
def told(run_wire_program: Any) -> dict[str, Any]:
    return run_wire_program("changes", RANKS, formats=FORMATS, ranks_per_node=NODES)


def test_every_rank_holds_the_same_bits(told: dict[str, Any]) -> None:
    assert len(told) == len(FORMATS) * len(NODES) * 2
    assert all(case["same_on_all_ranks"] for case in told.values())


def test_the_exchange_has_a_communicator_of_its_own(told: dict[str, Any]) -> None:
    # Its second part begins on each rank in its own time, beside whatever else the ranks call.
    assert not any(case["on_the_ranks_own_communicator"] for case in told.values())


def test_averages_are_right_to_the_formats_precision(told: dict[str, Any]) -> None:
    for name, case in told.items():
        assert max(case["errors"]) < TOLERANCE[name.split()[0]], name


def test_what_was_lost_comes_with_the_next_average(told: dict[str, Any]) -> None:
    # Errors of four rounds do not add up: what is left is the last round's residual.
    for name, case in told.items():
        if name.startswith("int8") and not name.startswith("int8 4"):
            assert case["summed_error"] < 1.5 * max(case["errors"]), name


def test_one_node_loses_nothing_and_only_leaders_keep_what_was_lost(told: dict[str, Any]) -> None:
    assert max(told["int8 4 beside"]["errors"]) < TOLERANCE["float32"]
    assert told["int8 0 beside"]["has_residual"] == [True] * RANKS
    assert told["int8 2 beside"]["has_residual"] == [True, False, True, False]
    assert told["float32 2 beside"]["has_residual"] == [False] * RANKS


def test_what_ranks_tell_each_other_is_summed_beside(told: dict[str, Any]) -> None:
    all_ranks, but_rank_0 = [6.0, 4.0], [6.0, 3.0]
    for case in told.values():
        assert case["tallies"] == [all_ranks, but_rank_0, all_ranks, all_ranks]


def test_too_large_a_sum_is_told_on_ranks_that_lead_no_node(run_wire_program: Any) -> None:
    sentences = run_wire_program("unholdable_by_nodes", RANKS)
    assert all("NaN or infinite" in sentence for sentence in sentences)
    assert len(set(sentences)) == 1


def test_statistics_are_summed_exactly_whatever_the_format(run_wire_program: Any) -> None:
    told = run_wire_program("statistics", 3)
    assert len(told["formats"]) == 5
    for name, case in told["formats"].items():
        assert case["relative_error"] < 1e-4, name  # float32, of a change near 1
        assert case["least"] > 0, name
        assert case["same_on_all_ranks"], name
        assert case["payload_bytes"] == case["encoded_bytes"] + told["exact_bytes"], name
