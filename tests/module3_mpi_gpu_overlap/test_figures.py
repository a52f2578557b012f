"""Figures from rows: drawn where there are some, the same bytes each time."""

from pathlib import Path
from typing import Any

import pandas as pd

from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.figures import draw
from module3_mpi_gpu_overlap.selection import per_round


def test_without_rows_nothing_is_drawn(tmp_path: Path) -> None:
    assert draw(tmp_path, tmp_path / "figures") == []


def test_the_benchs_figures_are_drawn_the_same_each_time(rows: Any, tmp_path: Path) -> None:
    rows.write_rounds(tmp_path, "quick", {1: 0.0, 2: 0.01, 8: 0.4}, crowded=(8,))
    rows.write_allreduce(tmp_path, "quick")
    first, second = (draw(tmp_path, tmp_path / name) for name in ("first", "second"))
    figures = ("rounds", "throughput", "allreduce")
    names = [f"module3_{what}.{kind}" for what in figures for kind in ("png", "pdf")]
    assert [path.name for path in first] == names
    for left, right in zip(first, second, strict=True):
        assert left.read_bytes() == right.read_bytes()


def test_rounds_on_links_and_accuracy_have_figures_of_their_own(rows: Any, tmp_path: Path) -> None:
    rows.write_link_rounds(tmp_path, {"G0": (1.0, 2.0), "G3": (0.01, 1.05)})
    rows.write_accuracy(tmp_path, {"central": [0.6, 0.62], "G0": [0.58, 0.6]})
    found = {path.stem for path in draw(tmp_path, tmp_path / "figures")}
    assert found == {"module3_link_rounds", "module3_accuracy"}


def test_strong_scaling_is_not_mixed_with_weak(rows: Any, tmp_path: Path) -> None:
    for world, round_s in ((1, 2.0), (2, 1.1)):
        rows.write_rounds(
            tmp_path, "quick", {world: 0.0}, round_s=round_s, experiment="strong-scaling"
        )
    assert {path.stem for path in draw(tmp_path, tmp_path / "a")} == {"module3_strong_scaling"}
    rows.write_rounds(tmp_path, "quick", {1: 0.0, 2: 0.01})
    drawn = {path.name: path.read_bytes() for path in draw(tmp_path, tmp_path / "b")}
    assert {"module3_rounds.png", "module3_strong_scaling.png"} <= drawn.keys()
    name = "module3_strong_scaling.png"
    assert drawn[name] == (tmp_path / "a" / name).read_bytes()


def test_a_rounds_parts_are_means_over_its_ranks(rows: Any, tmp_path: Path) -> None:
    rows.write_rounds(tmp_path, "quick", {2: 0.1})
    found = per_round(read_table(ROUNDS, tmp_path), ["blocked_idle_s", "exposed_communication_s"])
    assert len(found) == 3 * 2 * 2  # modes, repeats, rounds
    expected = {"blocked_idle_s": 0.005, "exposed_communication_s": 0.1, "round_s": 1.0}
    pd.testing.assert_series_equal(
        found.loc[(2, "G1")].mean(), pd.Series(expected), check_names=False
    )


def test_the_peers_have_a_figure_of_their_own(rows: Any, tmp_path: Path) -> None:
    rows.write_peers(tmp_path, {"G1": (0.01, 0.005), "Flower": (0.05, 0.02)})
    assert {path.stem for path in draw(tmp_path, tmp_path / "figures")} == {"module3_peers"}
