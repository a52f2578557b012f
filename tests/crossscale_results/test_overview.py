"""The figure of all modules needs rows of all; tests/docs/test_figures.py holds what it shows."""

import shutil
from pathlib import Path

import pytest

from crossscale_results import overview

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"
SHOWN = ("module1_ladder.csv", "module2_convolution.csv", "module3_rounds.csv")


@pytest.mark.parametrize("missing", SHOWN)
def test_without_one_module_it_is_not_drawn(missing: str, tmp_path: Path) -> None:
    for name in SHOWN:
        if name != missing:
            shutil.copy(REFERENCE / name, tmp_path)
    assert overview.draw(tmp_path, tmp_path / "figures") == []
    assert not (tmp_path / "figures").exists()
