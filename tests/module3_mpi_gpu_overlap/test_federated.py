"""Federated averaging on real ranks: what must hold whatever the number of ranks and the mode."""

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.mpi

Told = dict[str, dict[str, Any]]

ROUNDS = {"rounds": 2, "local_steps": 3, "batch_size": 16, "learning_rate": 2e-3}
ONE_STEP = {"module": "plain", "optimizer": "sgd", "learning_rate": 0.1, "local_steps": 1}
# Sums of three numbers may be taken in another order: a few float32 roundings.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(scope="module")
def one_rank(run_program: Any) -> Told:
    return run_program(
        "several",
        1,
        alone=["train_alone", {"steps": 6, "batch_size": 16, "module": "normalised", "beats": 240}],
        federated=["federate", ROUNDS],
        large_batch=["federate", {"batch_size": 240, "rounds": 3, **ONE_STEP}],
        average=["average", {}],
        sum_of_clients=["sum_of_clients", {}],
        delayed=["federate", {"mode": "G3", **ROUNDS}],
    )


@pytest.fixture(scope="module")
def two_ranks(run_program: Any) -> Told:
    return run_program(
        "several",
        2,
        G0=["federate", {"mode": "G0", **ROUNDS}],
        G1=["federate", {"mode": "G1", **ROUNDS}],
        G2=["federate", {"mode": "G2", "bucket_bytes": 100, **ROUNDS}],
        again=["federate", {"mode": "G2", "bucket_bytes": 100, **ROUNDS}],
        bf16=["federate", {"precision": "bf16", **ROUNDS}],
        fp16=["federate", {"precision": "fp16", **ROUNDS}],
        broken=["federate", {"broken_clients": [1], **ROUNDS}],
        silent=["screened_silent_rank", {}],
        sum_of_clients=["sum_of_clients", {}],
        large_batch=["federate", {"batch_size": 120, "rounds": 3, **ONE_STEP}],
        average=["average", {}],
    )


@pytest.fixture(scope="module")
def three_ranks(run_program: Any) -> Told:
    return run_program(
        "several",
        3,
        G0=["federate", {"mode": "G0", "beats": 200, **ROUNDS}],
        G2=["federate", {"mode": "G2", "beats": 200, "bucket_bytes": 100, **ROUNDS}],
        large_batch=["federate", {"batch_size": 80, "rounds": 3, **ONE_STEP}],
        average=["average", {}],
    )


def test_two_ranks_get_the_same_bits_in_every_mode(two_ranks: Told) -> None:
    assert len({d for mode in ("G0", "G1", "G2") for d in two_ranks[mode]["digests"]}) == 1


def test_a_run_repeated_gives_the_same_bits(two_ranks: Told) -> None:
    assert two_ranks["again"]["digests"] == two_ranks["G2"]["digests"]
    assert two_ranks["again"]["losses"] == two_ranks["G2"]["losses"]


def test_three_ranks_hold_one_model_and_modes_agree(three_ranks: Told) -> None:
    for mode in ("G0", "G2"):
        assert len(set(three_ranks[mode]["digests"])) == 1
    np.testing.assert_allclose(
        three_ranks["G0"]["vector"], three_ranks["G2"]["vector"], **TOLERANCE
    )


def test_integer_counters_are_steps_on_every_rank(two_ranks: Told) -> None:
    steps = ROUNDS["rounds"] * ROUNDS["local_steps"]
    assert two_ranks["G1"]["counters"] == [[steps], [steps]]


def test_weights_are_shares_of_the_beats(three_ranks: Told) -> None:
    assert three_ranks["G0"]["weights"] == [66 / 200, 67 / 200, 67 / 200]


def test_every_beat_is_scored_once(two_ranks: Told) -> None:
    # Every second beat is of record 202, whose subject is also in DS1.
    assert two_ranks["G0"]["tested"] == [{"DS2": 240, "DS2-disjoint": 120}] * 2


def test_rounds_are_measured(two_ranks: Told) -> None:
    told = two_ranks["G2"]
    assert 0 <= told["progress_percent"] <= 100
    assert max(map(abs, told["clock_offsets_s"])) < 0.01  # one node has one clock
    assert all(seconds > 0 for of_round in told["blocked_s"] for seconds in of_round)


def test_one_rank_is_plain_local_training_to_the_bit(one_rank: Told) -> None:
    assert one_rank["federated"]["digests"] == [one_rank["alone"]["digest"]]
    assert one_rank["delayed"]["digests"] == [one_rank["alone"]["digest"]]
    assert one_rank["federated"]["progress_percent"] is None


@pytest.mark.parametrize("ranks", ["two_ranks", "three_ranks"])
def test_one_sgd_step_of_equal_batches_is_one_step_of_the_large_batch(
    one_rank: Told, ranks: str, request: pytest.FixtureRequest
) -> None:
    large = one_rank["large_batch"]["vector"]
    np.testing.assert_allclose(
        request.getfixturevalue(ranks)["large_batch"]["vector"], large, **TOLERANCE
    )
    assert np.ptp(large) > 0.1  # it is not a vector of zeros that agrees


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_trains_to_a_near_model_that_all_ranks_share(
    two_ranks: Told, precision: str
) -> None:
    assert len(set(two_ranks[precision]["digests"])) == 1
    assert two_ranks[precision]["digests"] != two_ranks["G1"]["digests"]
    np.testing.assert_allclose(two_ranks[precision]["vector"], two_ranks["G1"]["vector"], atol=0.1)


def test_a_rank_whose_update_is_screened_goes_on_with_the_others_model(two_ranks: Told) -> None:
    assert two_ranks["broken"]["screened"] == [[[], [1]]] * 2
    assert len(set(two_ranks["broken"]["digests"])) == 1
    assert two_ranks["broken"]["losses"][0][1] is None
    assert np.isfinite(two_ranks["broken"]["vector"]).all()


def test_a_rank_that_adds_nothing_counts_for_nothing(two_ranks: Told) -> None:
    assert two_ranks["silent"] == [0.5] * 3


def test_the_fixed_point_sum_has_the_same_bits_in_every_bucket_on_any_ranks(
    one_rank: Told, two_ranks: Told, run_program: Any
) -> None:
    four_ranks = run_program("sum_of_clients", 4)
    digests = [
        digest
        for told in (one_rank["sum_of_clients"], two_ranks["sum_of_clients"], four_ranks)
        for digest in told.values()
    ]
    assert len(digests) == 9
    assert len(set(digests)) == 1


@pytest.mark.parametrize("ranks", ["one_rank", "two_ranks", "three_ranks"])
def test_averaging_is_the_weighted_mean_on_every_rank(
    ranks: str, request: pytest.FixtureRequest
) -> None:
    told = request.getfixturevalue(ranks)["average"]
    assert told["worst_error"] < 1e-5
    assert told["same_on_all_ranks"]
    assert told["fixed_point_same"]
    if ranks != "three_ranks":  # there the order of the sum is MPI's choice
        assert told["same_in_all_modes"]
