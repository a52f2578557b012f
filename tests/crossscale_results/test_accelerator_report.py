"""TEST DATA: a report of a run as of a GPU beside one of a CPU, by `scripts/report` as it is."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from crossscale_results.overview import draw

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TEST_GPU = "TEST DATA, no such GPU"
WriteRun = Callable[..., Path]


@pytest.fixture
def runs(write_run: WriteRun) -> tuple[Path, Path]:
    """A CPU's run and a GPU's."""
    changed = {"accelerator": TEST_GPU, "machine_id": "0123456789ab"}
    return write_run("cpu"), write_run("gpu", changed, device="cuda", a5_over_a0=1.2)


def test_both_are_told_and_ratios_of_other_devices_are_not_compared(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, str(SCRIPTS / "report"), *map(str, runs), "--output", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = (out / "report.md").read_text(encoding="utf-8")
    assert TEST_GPU in text
    assert "training throughput on cpu, A5 over A0, batch 64" in text
    assert "training throughput on cuda, A5 over A0, batch 64" in text
    assert "on cuda" in text
    assert (out / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("script", ["claims", "figures"])
def test_claims_and_figures_take_it(runs: tuple[Path, Path], tmp_path: Path, script: str) -> None:
    options = ["--results-dir", str(runs[1])]
    if script == "figures":
        options += ["--out", str(tmp_path / "figures")]
    command = [sys.executable, str(SCRIPTS / script), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if script == "claims":
        of_module_1 = done.stdout.split("module 2")[0]
        assert "not measured" not in of_module_1
        assert "reproduced" in of_module_1


def test_the_overview_names_it(runs: tuple[Path, Path], tmp_path: Path) -> None:
    shown = [path for path in draw(runs[1], tmp_path) if path.suffix == ".png"]
    assert shown
    assert TEST_GPU in Image.open(shown[0]).info["Description"]
