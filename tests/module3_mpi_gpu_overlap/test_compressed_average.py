"""Averages in every wire format on real ranks: same bits, counted bytes, and what is learnt."""

from typing import Any

import pytest

from module3_mpi_gpu_overlap.compressed_average import pieces
from module3_mpi_gpu_overlap.wire import codec_of

pytestmark = pytest.mark.mpi

LENGTHS = (0, 1, 3, 1000, 70_001)
RANKS = (1, 2, 3, 4)
FORMATS = ("float32", "bf16", "fp16", "int8", "top-k")


@pytest.fixture(scope="module", params=RANKS)
def told(request: pytest.FixtureRequest, run_wire_program: Any) -> tuple[int, dict[str, Any]]:
    return request.param, run_wire_program("averages", request.param, lengths=LENGTHS)


def test_every_rank_holds_the_same_bits(told: tuple[int, dict[str, Any]]) -> None:
    assert len(told[1]) == len(FORMATS) * len(LENGTHS)
    assert all(case["same_on_all_ranks"] for case in told[1].values())


def test_what_went_in_came_out_or_is_still_kept(told: tuple[int, dict[str, Any]]) -> None:
    ranks, cases = told
    for name, case in cases.items():
        assert case["unaccounted"] < 3e-6, name
        if ranks > 1 and name.split()[0] not in ("float32", "top-k") and name.endswith("000"):
            assert case["residual"] > 0, name


@pytest.mark.parametrize(
    ("name", "relative"), [("float32", 1e-6), ("bf16", 2**-6), ("fp16", 2**-9), ("int8", 2 / 127)]
)
def test_one_average_is_right_to_the_formats_precision(
    told: tuple[int, dict[str, Any]], name: str, relative: float
) -> None:
    ranks, cases = told
    for length in LENGTHS:
        case = cases[f"{name} {length}"]
        largest_in = 5.0  # of 70,001 normal numbers
        assert case["first_error"] <= relative * largest_in
        if ranks > 1 and name != "float32" and length == 1000:
            assert case["first_error"] > 1e-4  # there is something to lose


def test_bytes_are_those_that_were_received_and_two_payloads_at_most(
    told: tuple[int, dict[str, Any]],
) -> None:
    ranks, cases = told
    for name, case in cases.items():
        assert case["stated_bytes"] == case["counted_bytes"], name
        codec, length = codec_of(name.split()[0], 0.1), int(name.split()[1])  # type: ignore[arg-type]
        cuts = pieces(length, ranks)
        sizes = [codec.payload_bytes(cut.stop - cut.start) for cut in cuts]
        for rank, received in enumerate(case["stated_bytes"]):
            expected = (ranks - 1) * sizes[rank] + sum(sizes) - sizes[rank]
            assert received == case["rounds"] * expected
    if ranks > 1:
        float32, int8 = (max(cases[f"{n} 70001"]["stated_bytes"]) for n in ("float32", "int8"))
        assert 3.9 < float32 / int8 < 4


@pytest.mark.parametrize("ranks", RANKS)
def test_a_piece_for_each_rank(ranks: int) -> None:
    for length in (0, 1, 2, 3, 10, 11):
        cuts = pieces(length, ranks)
        assert len(cuts) == ranks
        assert [i for cut in cuts for i in range(length)[cut]] == list(range(length))
        widths = [cut.stop - cut.start for cut in cuts]
        assert max(widths) - min(widths) <= 1


@pytest.mark.parametrize("ranks", [1, 3])
def test_polling_gives_what_waiting_gives(run_wire_program: Any, ranks: int) -> None:
    assert run_wire_program("polled", ranks) is True


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_numbers_that_are_not_finite_are_refused_by_all_ranks_alike(
    run_wire_program: Any, ranks: int
) -> None:
    told = run_wire_program("refused", ranks)
    assert len(told) == 3 * len(FORMATS)
    for name, case in told.items():
        assert len(set(case["messages"])) == 1, name
        (message,) = set(case["messages"])
        if not name.endswith("overflow"):
            assert f"rank {ranks - 1} has numbers that are NaN or infinite" in message
        elif ranks > 1 and not name.startswith("fp16"):  # which sends its largest number instead
            assert "add up to more than float32 can hold" in message
        if message != "accepted":
            assert all(case["kept"]), name
        assert case["works_again"], name


@pytest.mark.parametrize("ranks", [2, 3])
def test_a_convex_problem_is_solved_with_error_feedback_and_not_without(
    run_wire_program: Any, ranks: int
) -> None:
    excess = run_wire_program("least_squares", ranks, rounds=800, spread=100, step=0.1, share=0.1)
    assert excess["float32"] < 1e-9
    assert excess["int8 with feedback"] < 1e-6
    assert excess["int8"] > 1e-5
    assert excess["top-k with feedback"] < 0.01
    assert excess["top-k"] > 0.1


def test_tinyecg_reaches_the_float32_loss_with_error_feedback(run_wire_program: Any) -> None:
    loss = run_wire_program("tiny_ecg", 2, rounds=100, share=0.1)
    assert loss["float32"] < 0.5 < 1.6  # it has learnt: five classes are 1.6 nat at the start
    assert abs(loss["int8 with feedback"] - loss["float32"]) < 0.005
    assert abs(loss["top-k with feedback"] - loss["float32"]) < 0.05
    assert loss["top-k"] > loss["top-k with feedback"] + 0.1
