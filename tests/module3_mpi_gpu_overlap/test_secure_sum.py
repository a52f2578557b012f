"""The secure sum on real ranks."""

import re
from typing import Any

import pytest

pytest.importorskip("cryptography")

pytestmark = pytest.mark.mpi


@pytest.fixture(scope="module")
def told(run_wire_program: Any) -> Any:
    return run_wire_program("secure", 4, threshold=3, dropped=[[], [1], [0], [3]])


@pytest.mark.parametrize("dropped", [[], [1], [0], [3]])
def test_all_ranks_hold_the_sum_of_those_who_arrived(
    told: dict[str, Any], dropped: list[int]
) -> None:
    case = told[f"without {dropped}"]
    assert case["arrived"] == [rank for rank in range(4) if rank not in dropped]
    assert case["same"]
    # Half a step from each client, and the sum's rounding to float32.
    assert case["error_in_steps"] <= 4 / 2 + 2.0**29 * 4 / 2**24


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("too few", "3 of 4 clients are left and 4 are needed"),
        ("too large", r"numbers are NaN or beyond 1.* \(on rank 3\)"),
        ("misshapen", r"a vector of shape \(999,\) is not one of 1000 numbers \(on rank 3\)"),
    ],
)
def test_what_cannot_be_summed_is_refused_by_all_ranks_alike(
    told: dict[str, Any], case: str, sentence: str
) -> None:
    assert len(told[case]) == 4
    assert len(set(told[case])) == 1
    assert re.search(sentence, told[case][0])
