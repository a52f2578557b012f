"""Scripts that use the suite say in one sentence where it is not installed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
SUITE = re.compile(r"^(from|import) (crossscale_|module\d_)", re.MULTILINE)
USERS = sorted(
    path.name
    for path in SCRIPTS.iterdir()
    if path.is_file() and path.suffix != ".py" and SUITE.search(path.read_text(encoding="utf-8"))
)


def test_those_that_use_the_suite_are_found() -> None:
    assert {"claims", "document", "figures", "guard", "kill_trials"} <= set(USERS)
    assert {"namespaces", "report", "wheels"} <= set(USERS)


@pytest.mark.parametrize("name", USERS)
def test_without_the_suite_there_is_one_sentence(name: str, tmp_path: Path) -> None:
    # -S leaves site-packages out, and with them all that is installed.
    command = [sys.executable, "-S", str(SCRIPTS / name), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: the suite is not installed for ")
    assert done.stderr.count("\n") == 1
