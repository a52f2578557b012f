"""Module 2's ratios: geometric means over cells, repeat by repeat."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from module2_openmp_conv.grid import PAPER, Cell
from module2_openmp_conv.ratios import grid_ratio, ratios, training_ratios

Made = Callable[[dict[Cell, dict[str, float]]], pd.DataFrame]


def test_without_rows_there_are_none(tmp_path: Path) -> None:
    assert ratios(tmp_path) == []


def test_a_repeat_is_the_geometric_mean_over_cells(made_rows: Made) -> None:
    rows = made_rows(
        {
            PAPER[0]: {"torch": 20.0, "crossscale": 10.0},
            PAPER[1]: {"torch": 80.0, "crossscale": 10.0},
        }
    )
    (ratio,) = grid_ratio(rows, "two cells of the grid", ("torch",))
    assert ratio.samples == pytest.approx((4.0, 4.0))
    assert ratio.name == "torch's time over ours, two cells of the grid, 2 cells"


def test_in_each_cell_the_best_of_the_others_counts(made_rows: Made) -> None:
    rows = made_rows(
        {
            PAPER[0]: {"torch": 20.0, "torch_out": 15.0, "crossscale": 10.0},
            PAPER[1]: {"torch": 15.0, "torch_out": 20.0, "crossscale": 10.0},
        }
    )
    (ratio,) = grid_ratio(rows, "the grid", ("torch", "torch_out"))
    assert ratio.value == pytest.approx(1.5)


def test_a_cell_without_both_sides_is_no_part_of_it(made_rows: Made) -> None:
    assert grid_ratio(made_rows({PAPER[0]: {"torch": 20.0}}), "the grid", ("torch",)) == []


def test_epochs_are_paired() -> None:
    rows = pd.DataFrame(
        [("torch", 0, 8.0), ("torch", 1, 6.0), ("crossscale_fused", 0, 4.0)],
        columns=["kernel", "epoch", "epoch_s"],
    ).assign(model="beatnet")
    (ratio,) = training_ratios(rows)
    assert ratio.samples == (2.0,)
    assert training_ratios(rows[rows["kernel"] == "torch"]) == []


def test_a_benchs_rows_have_the_papers_grid_and_the_training(results_dir: Path) -> None:
    names = [ratio.name for ratio in ratios(results_dir)]
    assert names == [
        "torch's time over ours, the paper's grid, 1 threads, 3 cells",
        "torch's time over ours, an epoch of tinyecg",
    ]
