"""Figures are drawn from what rows there are, the same each time."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from module2_openmp_conv.figures import draw
from module2_openmp_conv.figures_batch import draw_speedups, draw_throughput
from module2_openmp_conv.figures_grid import draw_heat_map, draw_scaling
from module2_openmp_conv.figures_roofline import draw_roofline
from module2_openmp_conv.grid import BATCH, CHANNELS_BY_WIDTH, PAPER, Cell

Made = Callable[[dict[Cell, dict[str, float]]], pd.DataFrame]
STEMS = {
    "module2_speedup",
    "module2_heatmap",
    "module2_roofline",
    "module2_training",
}
TIMES = {"torch": 30.0, "torch_blocked": 25.0, "crossscale": 10.0, "crossscale_out": 9.0}


def test_figures_are_drawn_and_again_the_same(results_dir: Path, tmp_path: Path) -> None:
    first, second = draw(results_dir, tmp_path / "a"), draw(results_dir, tmp_path / "b")
    assert {path.name for path in first} == {
        f"{stem}.{kind}" for stem, kind in product(STEMS, ("png", "pdf"))
    }
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_nothing_is_drawn_without_rows(tmp_path: Path) -> None:
    assert draw(tmp_path, tmp_path / "figures") == []


def test_one_table_is_enough(results_dir: Path, tmp_path: Path) -> None:
    shutil.copy(results_dir / "module2_training.csv", tmp_path)
    assert {path.stem for path in draw(tmp_path, tmp_path / "figures")} == {"module2_training"}


@pytest.mark.parametrize(
    ("draw_one", "cells"),
    [
        (draw_speedups, PAPER),
        (draw_throughput, (*PAPER, *BATCH)),
        (draw_heat_map, CHANNELS_BY_WIDTH),
        (draw_scaling, tuple(replace(cell, threads=n) for cell in BATCH for n in (1, 2))),
    ],
)
def test_a_figure_needs_only_its_own_slice(
    draw_one: Callable[[pd.DataFrame, Path], list[Path]],
    cells: tuple[Cell, ...],
    made_rows: Made,
    tmp_path: Path,
) -> None:
    assert len(draw_one(made_rows(dict.fromkeys(cells, TIMES)), tmp_path)) == 2
    other = made_rows({Cell(1, 2, 2, 3, length=9): TIMES})
    if draw_one is not draw_heat_map:
        assert draw_one(other, tmp_path / "none") == []


def test_the_roofline_needs_the_machine(
    made_rows: Made, made_machine: pd.DataFrame, tmp_path: Path
) -> None:
    rows = made_rows(dict.fromkeys(CHANNELS_BY_WIDTH, TIMES))
    assert len(draw_roofline(rows, made_machine, tmp_path)) == 2
    assert draw_roofline(rows, made_machine.assign(threads=1), tmp_path / "none") == []
