"""The figures in the documentation are those that the reference rows give."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossscale_results import overview
from crossscale_results.style import ROWS_KEY

CHECKOUT = Path(__file__).resolve().parents[2]
REFERENCE = CHECKOUT / "results" / "reference"
FIGURES = CHECKOUT / "docs" / "figures"
DRAWERS: dict[str, Callable[[Path, Path], list[Path]]] = {"overview": overview.draw}
LARGEST_BYTES = 150_000
DIFFERENT = 3.0  # of 255, the mean over all pixels: another matplotlib draws a little otherwise


@pytest.mark.parametrize("name", DRAWERS)
def test_it_is_drawn_from_the_reference_rows(name: str, tmp_path: Path) -> None:
    """Else: `scripts/figures --results-dir results/reference --out docs/figures`."""
    DRAWERS[name](REFERENCE, tmp_path)
    shown, drawn = (Image.open(folder / f"{name}.png") for folder in (FIGURES, tmp_path))
    key = ROWS_KEY["png"]
    assert shown.info[key] == drawn.info[key]
    assert shown.size == drawn.size
    difference = np.asarray(shown.convert("RGB"), float) - np.asarray(drawn.convert("RGB"), float)
    assert np.abs(difference).mean() < DIFFERENT


def test_those_that_are_shown_are_there_and_small() -> None:
    kept = {path.stem for path in FIGURES.glob("*.png")}
    assert kept >= set(DRAWERS)
    assert all((FIGURES / f"{name}.png").stat().st_size < LARGEST_BYTES for name in DRAWERS)
