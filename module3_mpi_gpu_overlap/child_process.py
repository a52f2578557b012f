"""A child process and all that it starts: run with a time limit, ended for sure, and its reason.

It is told to end when this process is gone, even one that was killed: else a bench that somebody
stops leaves ranks behind, which take the cores from whatever is measured next.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from crossscale_results.errors import UserError

_GRACE_S = 5.0


def run_child(
    command: Sequence[str], what: str, limit_s: float, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command with these environment variables beside ours; `what` names it in errors.

    Raises:
        UserError: it took longer than `limit_s`; nothing of it runs on.
    """
    child = subprocess.Popen(
        [*_tied(), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
        start_new_session=True,  # so that all of it can be ended
    )
    try:
        out, err = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{what} did not end in {limit_s:g} s and was stopped") from error
    finally:
        end(child)
    return subprocess.CompletedProcess(command, child.returncode, out, err)


def _tied() -> list[str]:
    """The start of a command that the kernel asks to end with this process, where it can."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def unshare(*namespaces: str) -> list[str]:
    """The start of a command in new namespaces: as root, else by a user namespace of its own."""
    as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_user, *namespaces]


def end(child: subprocess.Popen[Any]) -> None:
    """Ask the child's whole session to end, then make it; nothing to do once it has."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        os.killpg(child.pid, number)
        try:
            child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            continue


def reason_of(err: str) -> str:
    """The error sentence in what was written to stderr, else its last line."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    sentences = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (sentences or lines[-1:] or ["no message"])[0]


class Bench(Protocol):
    """What the configuration of every bench has."""

    @property
    def profile(self) -> str: ...
    @property
    def results_dir(self) -> Path: ...
    @property
    def seed(self) -> int: ...


def shared_options(config: Bench, data_dir: Path, repeat: int) -> dict[str, object]:
    """What a bench tells each of its runs, by option name; folders whatever a run's own is."""
    return {
        "data-dir": data_dir.resolve(),
        "results-dir": config.results_dir.resolve(),
        "profile": config.profile,
        "seed": config.seed,
        "repeat": repeat,
    }


def options_of(given: Mapping[str, object]) -> list[str]:
    """Values by option name as a command line: `{"seed": 1}` is `--seed 1`."""
    return [part for name, value in given.items() for part in (f"--{name}", str(value))]
