"""The summary tells times, overhead, machine, bars, who is absent, and unsteadiness."""

from collections.abc import Callable

import pandas as pd
import pytest

from module2_openmp_conv.grid import Cell
from module2_openmp_conv.summary import print_summary

Made = Callable[[dict[Cell, dict[str, float]]], pd.DataFrame]
TIMES = {
    Cell(64, 1, 1, 3): {
        "torch": 90.0,
        "torch_blocked": 30.0,
        "crossscale": 10.0,
        "taps_loop": 50.0,
    },
    Cell(1, 1, 1, 3, length=8): {"torch": 7.0, "crossscale": 6.0},
    Cell(1, 1, 1, 3, length=8, operation="forward_with_grad"): {"torch": 9.0, "crossscale": 12.0},
}


def test_everything_is_told(
    made_rows: Made, made_machine: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(made_rows(TIMES), made_machine, {"onnxruntime": "it is not installed"})
    text = capsys.readouterr().out
    (line,) = [line for line in text.splitlines() if "1→1 k3 batch 64," in line]
    assert line.split()[-6:] == ["90.0", "10.0", "30.0", "50.0", "3.00", "torch_blocked"]
    assert "forward 6.0 µs (torch 7.0 µs), forward_with_grad 12.0 µs (torch 9.0 µs)" in text
    assert "2 threads: multiply-adds avx2 100, portable 30 GFLOP/s, memory 10 GB/s" in text
    assert "onnxruntime did not take part: it is not installed" in text
    assert "paper's grid" in text
    assert "unsteady" not in text


def test_an_unsteady_machine_is_told(made_rows: Made, capsys: pytest.CaptureFixture[str]) -> None:
    rows = made_rows(TIMES)
    rows.loc[(rows["contestant"] == "taps_loop") & (rows["repeat"] == 1), "call_us"] *= 3
    print_summary(rows, None, {})
    assert "unsteady: 1 of 8 medians have a spread above 10 %" in capsys.readouterr().out


def test_a_peak_that_is_exceeded_is_told(
    made_rows: Made, made_machine: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = Cell(64, 16, 16, 15)
    rows = made_rows({cell: {"torch": 2e-3 * cell.multiply_adds / 120, "crossscale": 1e6}})
    print_summary(rows, made_machine, {})
    assert "a contestant reaches 120 % of the measured peak" in capsys.readouterr().out
