"""More clients than ranks, sampled, unequal, empty, broken: what must hold."""

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.mpi

Told = dict[str, dict[str, Any]]

COUNTS = [40, 0, 90, 30, 25, 60]
CLIENTS = {
    "counts": COUNTS,
    "clients": "subjects",
    "local_steps": 3,
    "batch_size": 16,
    "rounds": 3,
}
EXACT = {**CLIENTS, "sum": "fixed-point"}
SAMPLED = {**EXACT, "clients_per_round": 2}
ONE_STEP = {
    "module": "plain",
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "local_steps": 1,
    "rounds": 3,
}
CASES = {
    "all": CLIENTS,
    "exact": EXACT,
    "exact_small_buckets": {**EXACT, "bucket_bytes": 64, "mode": "G2"},
    "sampled": SAMPLED,
    "momentum": {**SAMPLED, "server": "fedavgm"},
    "no_momentum": {**SAMPLED, "server": "fedavgm", "server_momentum": 0.0},
    "adam": {**SAMPLED, "server": "fedadam", "server_learning_rate": 0.01},
    "mu_0": {**EXACT, "proximal_mu": 0.0},
    "mu_10": {**EXACT, "optimizer": "sgd", "learning_rate": 0.05, "proximal_mu": 10.0},
    "sgd": {**CLIENTS, "optimizer": "sgd", "learning_rate": 0.05},
    "mu_0_sgd": {**EXACT, "optimizer": "sgd", "learning_rate": 0.05},
    "broken": {**EXACT, "broken_clients": [3], "rounds": 2},
    "far": {**EXACT, "far_clients": [4], "rounds": 2, "optimizer": "sgd"},
    "equal": {"counts": [60] * 4, "clients": "subjects", "batch_size": 60, **ONE_STEP},
}


def run_cases(run_program: Any, ranks: int) -> Told:
    cases = {name: ["federate", options] for name, options in CASES.items()}
    return run_program("several", ranks, 120.0, **cases)


@pytest.fixture(scope="module")
def one_rank(run_program: Any) -> Told:
    large = {"counts": [240], "batch_size": 240, **ONE_STEP}
    told = run_cases(run_program, 1)
    return {**told, **run_program("several", 1, large=["federate", large])}


@pytest.fixture(scope="module")
def two_ranks(run_program: Any) -> Told:
    return run_cases(run_program, 2)


@pytest.fixture(scope="module")
def four_ranks(run_program: Any) -> Told:
    return run_cases(run_program, 4)


def test_with_the_fixed_point_sum_it_does_not_matter_how_many_ranks_train(
    one_rank: Told, two_ranks: Told, four_ranks: Told
) -> None:
    for case in CASES:
        if CASES[case].get("sum") == "fixed-point":
            digests = [
                d for told in (one_rank, two_ranks, four_ranks) for d in told[case]["digests"]
            ]
            assert len(set(digests)) == 1, case


def test_with_mpis_sum_it_matters_by_rounding_only(one_rank: Told, four_ranks: Told) -> None:
    for told in (one_rank, four_ranks):
        np.testing.assert_allclose(told["sgd"]["vector"], one_rank["mu_0_sgd"]["vector"], atol=1e-5)


def test_bits_do_not_depend_on_bucket_or_mode_with_the_fixed_point_sum(two_ranks: Told) -> None:
    assert two_ranks["exact"]["digests"] == two_ranks["exact_small_buckets"]["digests"]


@pytest.mark.parametrize("ranks", ["one_rank", "two_ranks", "four_ranks"])
def test_one_sgd_step_of_equal_clients_is_one_step_of_the_large_batch(
    one_rank: Told, ranks: str, request: pytest.FixtureRequest
) -> None:
    told = request.getfixturevalue(ranks)
    large = one_rank["large"]["vector"]
    np.testing.assert_allclose(told["equal"]["vector"], large, rtol=1e-5, atol=1e-6)
    assert np.ptp(large) > 0.1


def test_every_sampled_client_trains_once_a_round(one_rank: Told, four_ranks: Told) -> None:
    beats = CLIENTS["local_steps"] * CLIENTS["batch_size"]
    for told in (one_rank, four_ranks):
        assert [sum(of_round) // beats for of_round in told["all"]["beats"]] == [5] * 3
        assert [sum(of_round) // beats for of_round in told["sampled"]["beats"]] == [2] * 3
    idle_ranks = np.array(four_ranks["sampled"]["beats"]) == 0
    no_loss = [[loss is None for loss in of_round] for of_round in four_ranks["sampled"]["losses"]]
    assert idle_ranks.any()
    assert idle_ranks.tolist() == no_loss


def test_counters_are_a_clients_steps_on_every_rank(four_ranks: Told) -> None:
    # Also on ranks that had no client in a round, and where a rank trained several.
    assert four_ranks["sampled"]["counters"] == [[9]] * 4
    assert four_ranks["all"]["counters"] == [[9]] * 4


def test_weights_are_shares_of_the_sampled_beats(two_ranks: Told) -> None:
    assert sum(two_ranks["sampled"]["weights"]) == pytest.approx(1)
    assert sum(two_ranks["all"]["weights"]) == pytest.approx(1)


def test_server_momentum_0_is_fedavg_and_others_are_not(two_ranks: Told) -> None:
    assert two_ranks["no_momentum"]["digests"] == two_ranks["sampled"]["digests"]
    digests = {two_ranks[case]["digests"][0] for case in ("sampled", "momentum", "adam")}
    assert len(digests) == 3


def test_fedprox_without_mu_is_fedavg_and_with_it_stays_nearer_to_its_start(
    two_ranks: Told,
) -> None:
    assert two_ranks["mu_0"]["digests"] == two_ranks["exact"]["digests"]
    assert two_ranks["mu_10"]["digests"] != two_ranks["mu_0_sgd"]["digests"]
    assert two_ranks["mu_10"]["final_loss"] > two_ranks["mu_0_sgd"]["final_loss"]


@pytest.mark.parametrize(("case", "bad"), [("broken", 3), ("far", 4)])
def test_a_bad_client_is_screened_out_told_and_the_run_goes_on(
    two_ranks: Told, case: str, bad: int
) -> None:
    told = two_ranks[case]
    screened = [[k for of_rank in of_round for k in of_rank] for of_round in told["screened"]]
    assert screened == [[bad], [bad]]
    assert np.isfinite(told["vector"]).all()
    assert np.abs(told["vector"]).max() < 100
