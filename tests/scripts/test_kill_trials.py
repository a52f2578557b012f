"""`scripts/kill_trials` kills, sees what is damaged, and says how commands ended."""

import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kill_trials"


def victim(kill_trials: ModuleType, program: str) -> object:
    return kill_trials.Victim(
        "toy",
        lambda database, folder: ["-c", program, str(folder)],
        kill_trials.check_bytes,
        kill_trials.compare_bytes,
    )


def tried(kill_trials: ModuleType, tmp_path: Path, program: str) -> object:
    rng = np.random.default_rng(0)
    return kill_trials.try_victim(victim(kill_trials, program), 4, rng, tmp_path / "none", tmp_path)


WHOLE = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
(folder / ".a").write_text("all of it")
(folder / ".a").replace(folder / "a")
try:
    time.sleep(1)
except KeyboardInterrupt:
    print("error: interrupted; what was finished is kept", file=sys.stderr)
    sys.exit(130)
"""
TORN = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
with (folder / "a").open("w", 1) as file:
    for i in range(1000):
        print(i, file=file)
        time.sleep(0.001)
"""
RUDE = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
try:
    time.sleep(1)
except KeyboardInterrupt:
    sys.exit("no")
"""


def test_a_command_whose_files_are_whole_passes(kill_trials: ModuleType, tmp_path: Path) -> None:
    endings = tried(kill_trials, tmp_path, WHOLE)
    killed = {
        sent: sum(n for (s, e), n in endings.items() if s == sent and e != "done")
        for sent in ("SIGINT", "SIGKILL")
    }
    assert killed == {"SIGINT": 2, "SIGKILL": 2}
    assert endings["SIGKILL", "died"] == 2
    assert sum(n for (_, ending), n in endings.items() if ending == "done") >= 1


@pytest.mark.parametrize(
    ("program", "said"),
    [(TORN, "a is not what an undisturbed run writes"), (RUDE, "it ended with status 1: no")],
)
def test_damage_and_rudeness_are_found(
    kill_trials: ModuleType, tmp_path: Path, program: str, said: str
) -> None:
    with pytest.raises(kill_trials.DamageError, match=said):
        tried(kill_trials, tmp_path, program)


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_a_handful_of_kills_damages_nothing() -> None:
    command = [sys.executable, str(SCRIPT), "--kills", "6"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("every file was whole or absent")
    assert signal.SIGKILL.name in done.stdout
