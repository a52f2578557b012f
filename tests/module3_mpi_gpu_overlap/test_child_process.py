"""A child process ends with its limit, and with the process that started it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.child_process import run_child

PARENT = """
from module3_mpi_gpu_overlap.child_process import run_child
run_child(["sh", "-c", "echo $$ > {file}; exec sleep 60"], "a sleep", 60.0, {{}})
"""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def wait_until(holds: Callable[[], bool], limit_s: float = 20.0) -> None:
    end_s = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.05)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv of util-linux")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_child_outlives_a_parent_that_was_killed(tmp_path: Path, number: signal.Signals) -> None:
    told = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(file=told)])
    wait_until(lambda: told.is_file() and bool(told.read_text().strip()))
    child = int(told.read_text())
    assert is_running(child)
    parent.send_signal(number)
    parent.wait()
    wait_until(lambda: not is_running(child))


def test_what_takes_too_long_is_ended_and_named() -> None:
    started_s = time.monotonic()
    with pytest.raises(UserError, match=r"a sleep did not end in 0\.5 s and was stopped"):
        run_child(["sleep", "60"], "a sleep", 0.5, {})
    assert time.monotonic() - started_s < 10


def test_output_status_and_variables_are_the_commands() -> None:
    command = ["sh", "-c", 'echo "$SAID"; echo wrong >&2; exit 3']
    done = run_child(command, "a shell", 20.0, {"SAID": "hello"})
    assert (done.returncode, done.stdout, done.stderr) == (3, "hello\n", "wrong\n")
