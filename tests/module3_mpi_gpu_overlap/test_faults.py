"""Faults on single ranks: the job ends, in time, with a status and a sentence."""

import time
from typing import Any

import pytest

from crossscale_results.errors import UserError

pytestmark = pytest.mark.mpi

KILL_LIMIT_S = 20.0  # starting the ranks included


@pytest.mark.parametrize("mode", ["G0", "G2", "G3"])
def test_a_killed_rank_ends_the_job_in_time(run_program: Any, mode: str) -> None:
    start = time.monotonic()
    with pytest.raises(UserError, match="failed with status"):
        run_program("federate", 2, KILL_LIMIT_S, module="plain", killed_rank=1, mode=mode)
    assert time.monotonic() - start < KILL_LIMIT_S


@pytest.mark.parametrize("mode", ["G1", "G3"])
def test_a_run_without_a_usable_client_ends_naming_the_round(run_program: Any, mode: str) -> None:
    with pytest.raises(UserError, match=r"status 2: no client's model was usable after round 0"):
        run_program("federate", 2, broken_clients=[0, 1], local_steps=2, batch_size=16, mode=mode)


def test_ranks_with_other_software_are_refused_naming_both(run_program: Any) -> None:
    with pytest.raises(UserError, match=r"rank 1 has torch 2\.1 where rank 0 has 2\.0"):
        run_program("shake_hands", 2)


def test_models_that_differ_at_the_end_are_an_error(run_program: Any) -> None:
    with pytest.raises(UserError, match="rank 2 holds model bbbb where rank 0 holds aaaa"):
        run_program("differ_at_the_end", 3)


def test_a_bug_on_one_rank_aborts_all(run_program: Any) -> None:
    with pytest.raises(UserError, match="failed with status"):
        run_program("fail_unforeseen", 2, KILL_LIMIT_S)


def test_a_file_that_one_rank_lacks_is_one_sentence(run_program: Any) -> None:
    with pytest.raises(UserError, match=r"status 2: /no/such/file .* \(on rank 1\)"):
        run_program("fail_to_read", 2, KILL_LIMIT_S)
