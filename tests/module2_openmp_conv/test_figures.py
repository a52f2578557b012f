"""Figures are drawn from what rows there are, the same each time."""

import shutil
from pathlib import Path

from module2_openmp_conv.figures import draw

NAMES = {
    "module2_speedup.png",
    "module2_speedup.pdf",
    "module2_training.png",
    "module2_training.pdf",
}


def test_both_figures_are_drawn_and_again_the_same(results_dir: Path, tmp_path: Path) -> None:
    first, second = draw(results_dir, tmp_path / "a"), draw(results_dir, tmp_path / "b")
    assert {path.name for path in first} == NAMES
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_nothing_is_drawn_without_rows(tmp_path: Path) -> None:
    assert draw(tmp_path, tmp_path / "figures") == []


def test_one_table_is_enough(results_dir: Path, tmp_path: Path) -> None:
    shutil.copy(results_dir / "module2_training.csv", tmp_path)
    assert {path.stem for path in draw(tmp_path, tmp_path / "figures")} == {"module2_training"}
