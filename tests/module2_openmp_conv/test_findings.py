"""Findings of a tiny bench, and of none."""

from pathlib import Path

from crossscale_results.ratios import number
from module2_openmp_conv.findings import bars_text, findings
from module2_openmp_conv.ratios import ratios


def test_without_rows_everything_is_not_measured(tmp_path: Path) -> None:
    found = findings(tmp_path, [])
    assert len(found) == 2
    assert all("not measured; `python -m module2_openmp_conv." in f.text for f in found)
    assert bars_text(tmp_path) == "not measured"


def test_findings_are_made_of_the_rows_ratios(results_dir: Path) -> None:
    in_grid, an_epoch = ratios(results_dir)
    grid, _, training = findings(results_dir, [in_grid, an_epoch])
    assert grid.ratios == (in_grid,)
    assert f"takes {number(in_grid.value)} times as long" in grid.text
    assert training.ratios == (an_epoch,)
    assert "paper's grid" in bars_text(results_dir)
