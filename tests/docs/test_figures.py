"""The figures in the documentation are those that the reference rows give."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossscale_results import overview, read_table
from crossscale_results.style import ROWS_KEY
from module1_locality.columns import LADDER_TABLE
from module1_locality.ladder_figures import draw_breakdown, draw_throughput
from module1_locality.summary import latest_rows
from module2_openmp_conv.columns import CONVOLUTION_TABLE
from module2_openmp_conv.figures_batch import draw_speedups
from module2_openmp_conv.speedup import latest_run
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.figures import draw_rounds
from module3_mpi_gpu_overlap.selection import profile_rows

CHECKOUT = Path(__file__).resolve().parents[2]
REFERENCE = CHECKOUT / "results" / "reference"
H200 = CHECKOUT / "results" / "reference_h200"
FIGURES = CHECKOUT / "docs" / "figures"
LARGEST_BYTES = 200_000
DIFFERENT = 3.0  # of 255, the mean over all pixels: another matplotlib draws a little otherwise


def breakdown(results_dir: Path, out_dir: Path) -> list[Path]:
    ladder = latest_rows(LADDER_TABLE, results_dir)
    assert ladder is not None
    return draw_breakdown(ladder[ladder["step_ms"].notna()], out_dir)


def on_gpu(results_dir: Path, out_dir: Path) -> list[Path]:
    """The throughput of the GPU's rows, whatever rows the others are of."""
    ladder = latest_rows(LADDER_TABLE, H200)
    assert ladder is not None
    paths = draw_throughput(ladder, out_dir)
    return [path.rename(path.with_stem("module1_h200")) for path in paths]


def speedups(results_dir: Path, out_dir: Path) -> list[Path]:
    return draw_speedups(latest_run(read_table(CONVOLUTION_TABLE, results_dir)), out_dir)


def rounds(results_dir: Path, out_dir: Path) -> list[Path]:
    rows = profile_rows(ROUNDS, results_dir, "bench")
    assert rows is not None
    return draw_rounds(rows, out_dir, "module3_rounds")


# Drawn one by one: all figures of all modules take minutes.
DRAWERS: dict[str, Callable[[Path, Path], list[Path]]] = {
    "overview": overview.draw,
    "module1_step_breakdown": breakdown,
    "module1_h200": on_gpu,
    "module2_speedup": speedups,
    "module3_rounds": rounds,
}


@pytest.mark.parametrize("name", DRAWERS)
def test_it_is_drawn_from_the_reference_rows(name: str, tmp_path: Path) -> None:
    """Else: `scripts/document`."""
    DRAWERS[name](REFERENCE, tmp_path)
    shown, drawn = (Image.open(folder / f"{name}.png") for folder in (FIGURES, tmp_path))
    key = ROWS_KEY["png"]
    assert shown.info[key] == drawn.info[key]
    assert shown.size == drawn.size
    difference = np.asarray(shown.convert("RGB"), float) - np.asarray(drawn.convert("RGB"), float)
    assert np.abs(difference).mean() < DIFFERENT


def test_those_that_are_shown_are_there_and_small() -> None:
    readmes = [CHECKOUT / "README.md", *CHECKOUT.glob("module*/README.md")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in readmes)
    assert sorted(re.findall(r"docs/figures/(\w+)\.png", text)) == sorted(DRAWERS)
    assert all((FIGURES / f"{name}.png").stat().st_size < LARGEST_BYTES for name in DRAWERS)
