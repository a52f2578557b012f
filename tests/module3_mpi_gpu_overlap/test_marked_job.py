"""Jobs whose processes are found, and ended for sure."""

import os
import signal
from pathlib import Path

import pytest

from module3_mpi_gpu_overlap.marked_job import start_job

pytestmark = pytest.mark.mpi


def test_a_job_that_does_not_end_is_killed_with_its_stopped_ranks(
    mpiexec: Path, tmp_path: Path
) -> None:
    job = start_job(2, ["-c", "import time; time.sleep(60)"], tmp_path, {})
    pids = [job.pid_of(rank) for rank in range(2)]
    assert len({*pids, job.mpiexec.pid}) == 3
    assert {*pids, job.mpiexec.pid} <= job.processes().keys()
    os.kill(pids[1], signal.SIGSTOP)
    assert not job.wait_for_end(0.5)
    assert job.processes() == {}
    assert job.mpiexec.returncode


def test_a_job_that_ends_is_not_waited_for(mpiexec: Path, tmp_path: Path) -> None:
    # One write each: mpiexec may put a rank's words between another's word and its newline.
    program = "import os; os.write(1, os.environ['WORD'].encode() + b'\\n')"
    job = start_job(2, ["-c", program], tmp_path, {"WORD": "done"})
    assert not job.wait_until(lambda: False)
    assert job.pid_of(0) == -1
    assert job.wait_for_end(30.0)
    assert job.mpiexec.returncode == 0
    assert job.out.read_text().split() == ["done", "done"]
    assert job.err.read_text() == ""
