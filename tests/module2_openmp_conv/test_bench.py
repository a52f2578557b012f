"""The bench writes a valid row for every contestant, cell and repeat, and times nobody wrong."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from crossscale_results import UserError, read_table
from module2_openmp_conv import measure
from module2_openmp_conv.bench import bench
from module2_openmp_conv.columns import CONVOLUTION_TABLE
from module2_openmp_conv.config import PROFILES, Bench, Cell
from module2_openmp_conv.contestants import contestants
from module2_openmp_conv.correctness import max_error_ratio
from module2_openmp_conv.measure import problem_of, rows_of_cell
from module2_openmp_conv.speedup import CELL


def small_problem(cell: Cell) -> measure.Problem:
    return problem_of(cell, torch.randn(50, cell.length), seed=0)


def test_every_contestant_has_every_row(results_dir: Path, cells: tuple[Cell, ...]) -> None:
    frame = read_table(CONVOLUTION_TABLE, results_dir)
    everyone = {"torch", "torch_out", "crossscale", "crossscale_out", "taps_loop", "naive"}
    for cell, rows in frame.groupby(CELL):
        names = set(rows["contestant"])
        assert everyone <= names
        assert ("torch_shifted" in names) == (cell[1] == cell[2] == 1)
        assert all(sorted(part["repeat"]) == [0, 1] for _, part in rows.groupby("contestant"))
    assert len(frame.groupby(CELL)) == len(cells)
    assert frame["repeat"].nunique() == 2
    assert (frame["call_us"] > 0).all()
    assert (frame["max_error_ratio"] < 1e-5).all()
    assert (frame["profile"] == "custom").all()


def test_rates_follow_from_time(results_dir: Path) -> None:
    frame = read_table(CONVOLUTION_TABLE, results_dir)
    row = frame[frame["in_channels"] == 3].iloc[0]
    assert row["convolved_gflop_per_s"] * row["call_us"] == pytest.approx(2e-3 * 2 * 4 * 500 * 15)
    values = 2 * 3 * 500 + 2 * 4 * 500 + 4 * 15 + 4
    assert row["moved_gb_per_s"] * row["call_us"] == pytest.approx(4e-3 * values)


def test_contestants_take_turns() -> None:
    cell = Cell(2, 1, 1, 3)
    rows = list(rows_of_cell(cell, small_problem(cell), repeats=3, sample_ms=0.1, seed=0))
    assert [row.repeat for row in rows] == sorted(row.repeat for row in rows)
    names = [row.config.contestant for row in rows]
    third = len(names) // 3
    assert set(names[:third]) == set(names[third : 2 * third]) == set(names[2 * third :])
    assert names[:third] != names[third : 2 * third]  # in another order each time


@pytest.mark.parametrize("cell", [Cell(3, 1, 1, 7, 40), Cell(2, 3, 9, 15, 33), Cell(1, 1, 2, 5, 1)])
def test_contestants_agree(cell: Cell) -> None:
    problem = small_problem(cell)
    runs = contestants(cell, problem)
    for name, run in runs.items():
        assert max_error_ratio(name, run(), problem) < 1e-5


def test_a_wrong_contestant_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(2, 1, 1, 3)
    problem = small_problem(cell)
    right = contestants(cell, problem)["torch"]()
    nearly = right.clone()
    nearly[0, 0, 7] *= 1 + 1e-5
    for wrong, message in (
        (nearly, "is wrong: off by"),
        (torch.full_like(right, math.nan), "is wrong: off by inf"),
        (right[..., 1:], "gave the shape"),
    ):
        monkeypatch.setattr(measure, "contestants", lambda c, p, w=wrong: {"cheat": lambda: w})
        with pytest.raises(UserError, match=f"cheat {message}"):
            list(rows_of_cell(cell, problem, repeats=1, sample_ms=0.1, seed=0))


@pytest.mark.parametrize(
    ("config", "option"),
    [
        (Bench(repeats=0), "--repeats"),
        (Bench(seed=-1), "--seed"),
        (Bench(threads=0), "--threads"),
        (Bench(threads=100_000), "--threads"),
    ],
)
def test_bad_options_are_named(config: Bench, option: str) -> None:
    with pytest.raises(UserError, match=option):
        bench(config)


def test_the_papers_grid_is_in_every_profile() -> None:
    wanted = {Cell(b, 1, 1, k, 500) for b in (64, 128, 256, 512) for k in (3, 5, 7)}
    for profile in PROFILES.values():
        assert wanted <= set(profile.cells)


def test_command_line_tells_errors_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "module2_openmp_conv.bench", "--data-dir", str(tmp_path / "none")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no folder")
    assert len(done.stderr.splitlines()) == 1
