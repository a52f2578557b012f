"""Ctrl-C is answered while a command still loads; nobody else's program is touched."""

import subprocess
import sys
from pathlib import Path

import pytest

from crossscale_results.interrupts import is_script

CHECKOUT = Path(__file__).resolve().parents[2]


def test_only_the_checkouts_scripts_are_scripts() -> None:
    assert is_script(str(CHECKOUT / "scripts" / "figures"))
    assert not is_script(str(CHECKOUT / "elsewhere" / "scripts" / "figures"))
    assert not is_script("")


@pytest.mark.parametrize(
    ("package", "line"), [("a_command", "import crossscale_results"), ("other", "pass")]
)
def test_a_command_that_is_interrupted_while_it_loads_says_so(
    tmp_path: Path, package: str, line: str
) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(line)
    (tmp_path / package / "__main__.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, "-m", package], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode not in (0, 1)
    if package == "other":
        assert "Traceback" in done.stderr
    else:
        assert done.stderr == "error: interrupted; what was finished is kept\n"


def test_a_library_leaves_its_users_program_alone() -> None:
    program = "import sys, crossscale_results; assert sys.excepthook is sys.__excepthook__"
    subprocess.run([sys.executable, "-c", program], check=True)
