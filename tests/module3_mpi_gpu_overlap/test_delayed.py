"""G3: the average arrives a round late, and what was learned meanwhile is kept."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from module3_mpi_gpu_overlap.delayed_correction import correct

Told = dict[str, dict[str, Any]]

RUN = {"rounds": 6, "local_steps": 6, "batch_size": 16, "beats": 480, "learning_rate": 8e-3}


@pytest.fixture(scope="module")
def two_ranks(run_program: Any) -> Told:
    cases = {
        "G1": {"mode": "G1", **RUN},
        "G3": {"mode": "G3", **RUN},
        "again": {"mode": "G3", "progress": "thread", "bucket_bytes": 100, **RUN},
        "polling": {"mode": "G3", "progress": "polling", "bucket_bytes": 100, **RUN},
        "naive": {"mode": "G3", "overwrite_with_average": True, **RUN},
        "one_round": {"mode": "G3", **RUN, "rounds": 1},
        "one_round_G1": {"mode": "G1", **RUN, "rounds": 1},
        "broken": {"mode": "G3", "broken_clients": [1], **RUN},
        "proximal": {"mode": "G3", "proximal_mu": 0.1, **RUN},
        "slow": {"mode": "G3", "slow_rank": 1, "slow_ratio": 3.0, **RUN},
        "G4": {"mode": "G4", **RUN},
        "G5": {"mode": "G5", **RUN},
        "G6": {"mode": "G6", **RUN},
        "int8_thread": {"mode": "G3", "wire": "int8", "progress": "thread", **RUN},
        "int8_library": {"mode": "G3", "wire": "int8", "progress": "library", **RUN},
        "momentum_free": {"mode": "G3", "module": "plain", "optimizer": "sgd", **RUN},
        "momentum_free_G1": {"mode": "G1", "module": "plain", "optimizer": "sgd", **RUN},
    }
    cases["several_evaluations"] = {"mode": "G3", "evaluate_every": 2, **RUN}
    return run_program(
        "several", 2, 120.0, **{name: ["federate", options] for name, options in cases.items()}
    )


@given(st.integers(0, 100))
@settings(deadline=None)  # torch's first use takes longer than all else
def test_the_correction_keeps_the_mean_of_the_ranks_progress(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    own = [torch.randn(4, generator=random) for _ in range(3)]
    progress = [torch.randn(4, generator=random) for _ in range(3)]
    average = torch.stack(own).mean(0)
    models = [x + d for x, d in zip(own, progress, strict=True)]
    for model, contributed in zip(models, own, strict=True):
        correct(model, average, contributed)
    for model, step in zip(models, progress, strict=True):
        torch.testing.assert_close(model, average + step)


@pytest.mark.mpi
def test_all_ranks_end_with_one_model_in_every_case(two_ranks: Told) -> None:
    for case, told in two_ranks.items():
        assert len(set(told["digests"])) == 1, case
        assert np.isfinite(told["vector"]).all(), case


@pytest.mark.mpi
def test_bits_do_not_depend_on_when_the_average_arrives(two_ranks: Told) -> None:
    digests = [two_ranks[case]["digests"] for case in ("G3", "again", "polling", "slow")]
    assert digests == [digests[0]] * 4
    assert two_ranks["again"]["progress_method"] == "thread"
    assert two_ranks["polling"]["progress_method"] == "polling"


@pytest.mark.mpi
@pytest.mark.parametrize("mode", ["G4", "G5", "G6"])
def test_each_rung_above_learns_as_much(two_ranks: Told, mode: str) -> None:
    assert two_ranks[mode]["final_loss"] == pytest.approx(two_ranks["G3"]["final_loss"], rel=0.15)
    assert two_ranks[mode]["digests"] != two_ranks["G3"]["digests"]


@pytest.mark.mpi
def test_a_compressed_average_is_the_same_whatever_moves_mpi(two_ranks: Told) -> None:
    assert two_ranks["int8_thread"]["digests"] == two_ranks["int8_library"]["digests"]


@pytest.mark.mpi
def test_one_round_has_nothing_to_delay(two_ranks: Told) -> None:
    assert two_ranks["one_round"]["digests"] == two_ranks["one_round_G1"]["digests"]


@pytest.mark.mpi
def test_it_learns_as_much_as_without_delay_and_overwriting_does_not(two_ranks: Told) -> None:
    blocking, delayed, naive = (two_ranks[c]["final_loss"] for c in ("G1", "G3", "naive"))
    assert delayed == pytest.approx(blocking, rel=0.15)
    # Overwriting throws away every other round: three of six are left.
    assert naive > 1.3 * delayed


@pytest.mark.mpi
def test_with_plain_sgd_it_stays_close_to_the_model_without_delay(two_ranks: Told) -> None:
    delayed, blocking = (
        np.array(two_ranks[case]["vector"]) for case in ("momentum_free", "momentum_free_G1")
    )
    np.testing.assert_allclose(delayed, blocking, atol=1e-3)
    assert not np.array_equal(delayed, blocking)


@pytest.mark.mpi
def test_a_broken_rank_never_enters_the_model(two_ranks: Told) -> None:
    told = two_ranks["broken"]
    assert [of_round[1] for of_round in told["screened"]] == [[1]] * RUN["rounds"]
    assert [of_round[0] for of_round in told["screened"]] == [[]] * RUN["rounds"]


@pytest.mark.mpi
def test_what_is_scored_is_the_average_that_has_arrived(two_ranks: Told) -> None:
    # After round 2 the average of round 1 has arrived; the last round waits for its own.
    assert two_ranks["several_evaluations"]["scored_rounds"] == [1, 3, 5]
    last = two_ranks["several_evaluations"]["tested"][-1]
    assert last == {"DS2": 480, "DS2-disjoint": 240}
    assert two_ranks["several_evaluations"]["digests"] == two_ranks["G3"]["digests"]


@pytest.mark.mpi
def test_a_straggler_takes_as_much_longer_as_it_is_told_to(two_ranks: Told) -> None:
    fast, slow = np.array(two_ranks["slow"]["train_s"])[1:].sum(axis=0)
    assert slow > 2 * fast
