"""A rank that waits too long ends the job with a sentence; one that gets on is left alone."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from crossscale_data.source import Source
from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.heartbeat import Heartbeat
from module3_mpi_gpu_overlap.marked_job import start_job
from module3_mpi_gpu_overlap.run_state import intact_rounds, kept_rounds

LIMIT_S, GRACE_S = 6.0, 15.0
TRAIN = ("-m", "module3_mpi_gpu_overlap.train", "--local-steps", "2", "--batch-size", "32")


def test_a_heartbeat_names_what_is_waited_for_and_since_when() -> None:
    heartbeat = Heartbeat()
    heartbeat.beat("the data", at_least_s=50.0)
    heartbeat.beat()  # it got on, and waits for the same
    left_s, what = heartbeat.left_s(5.0)
    assert what == "the data"
    assert 49 < left_s <= 50
    heartbeat.beat("the sum")
    left_s, what = heartbeat.left_s(5.0)
    assert what == "the sum"
    assert 4 < left_s <= 5
    time.sleep(0.02)
    assert heartbeat.left_s(0.01)[0] < 0


@pytest.mark.mpi
def test_ranks_that_get_on_may_take_longer_than_the_limit(run_program: Any) -> None:
    assert run_program("get_on", 2, stall_limit_s=1.0, hangs=False) == "all got on"


@pytest.mark.mpi
def test_a_rank_that_hangs_is_waited_for_as_long_as_was_said(run_program: Any) -> None:
    start = time.monotonic()
    with pytest.raises(
        UserError, match="status 2: rank 0 has waited more than 1 s for the others'"
    ):
        run_program("get_on", 2, stall_limit_s=1.0, hangs=True)
    assert time.monotonic() - start < GRACE_S


@pytest.mark.mpi
@pytest.mark.slow
@pytest.mark.parametrize(("mode", "stopped"), [("G1", 0), ("G3", 1)])
def test_a_stopped_rank_ends_the_run_with_one_sentence_and_leaves_its_rounds(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path, mode: str, stopped: int
) -> None:
    state = tmp_path / "state"
    where = ("--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path))
    how = ("--mode", mode, "--rounds", "100000", "--stall-limit-s", str(LIMIT_S))
    job = start_job(2, [*TRAIN, *where, *how, "--state-dir", str(state)], tmp_path, {})
    try:
        assert job.wait_until(lambda: max(kept_rounds(state), default=-1) >= 3)
        os.kill(job.pid_of(stopped), signal.SIGSTOP)
        start = time.monotonic()
        assert job.wait_for_end(LIMIT_S + GRACE_S)
        assert time.monotonic() - start > LIMIT_S / 2
    finally:
        job.kill()
    assert job.mpiexec.returncode == 2
    told = [line for line in job.err.read_text().splitlines() if line.startswith("error: ")]
    assert len(told) == 1
    assert f"rank {1 - stopped} has waited more than 6 s for " in told[0]
    assert kept_rounds(state)
    assert intact_rounds(state) == kept_rounds(state)
