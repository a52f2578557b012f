"""Scripts that use the suite say in one sentence where it is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
USERS = (
    *("claims", "document", "figures", "guard"),
    *("kill_trials", "namespaces", "report", "wheels"),
)


@pytest.mark.parametrize("name", USERS)
def test_without_the_suite_there_is_one_sentence(name: str, tmp_path: Path) -> None:
    # -S leaves site-packages out, and with them all that is installed.
    command = [sys.executable, "-S", str(SCRIPTS / name), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: the suite is not installed for ")
    assert done.stderr.count("\n") == 1


def test_every_script_that_uses_the_suite_is_among_them() -> None:
    texts = {path.name: path.read_text() for path in SCRIPTS.iterdir() if path.is_file()}
    using = {name for name, text in texts.items() if "\nfrom crossscale_results" in text}
    assert using - {"wheel_use.py"} <= set(USERS)  # which runs where only the wheel is
    assert all("\nimport in_environment" in texts[name] for name in USERS)
