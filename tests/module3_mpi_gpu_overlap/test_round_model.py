"""Whole rounds by the cost model: what it sees of them, and what it says."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap import cost_model
from module3_mpi_gpu_overlap.bars import render
from module3_mpi_gpu_overlap.collective_costs import mpich_s
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.cost_model import CostModelConfig, model
from module3_mpi_gpu_overlap.figures import draw
from module3_mpi_gpu_overlap.round_model import compared_rounds
from module3_mpi_gpu_overlap.round_model_columns import ROUND_MODEL

LINK = "100 Mbit/s"
NUMBERS = 39_000  # of the made-up rounds: one bucket


def predictions(results_dir: Path, networks: Any, cores: int) -> dict[int, Any]:
    rows = compared_rounds(networks, read_table(ROUNDS, results_dir), cores)
    return {row.config.world_size: row for row in rows}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("cores", "turns"), [(2, {2: 1, 4: 2, 6: 3}), (1, {2: 2, 4: 4, 6: 6}), (8, {2: 1, 4: 1, 6: 1})]
)
def test_ranks_that_share_a_core_take_turns(
    rows: Any, made_up_links: ModuleType, tmp_path: Path, cores: int, turns: dict[int, int]
) -> None:
    rows.write_link_scaling(tmp_path, dict.fromkeys(turns, (2.4, 0.3)))
    found = predictions(tmp_path, made_up_links.TRUE, cores)
    step_s = 2.4 / 24 / turns[2]
    for world, own in found.items():
        average_s = mpich_s(made_up_links.TRUE[LINK], world, 4 * NUMBERS)
        expected = step_s * (48 // world) * turns[world]
        assert own.measurement.predicted_computing_s == pytest.approx(expected)
        assert own.measurement.predicted_communication_s == pytest.approx(average_s)
        assert own.measurement.predicted_round_s == pytest.approx(expected + average_s)
        assert own.config.kind == ("calibration" if world == 2 else "held out")


def test_measured_is_the_median_of_warm_rounds(
    rows: Any, made_up_links: ModuleType, tmp_path: Path
) -> None:
    rows.write_link_scaling(tmp_path, {2: (2.4, 0.1), 4: (2.4, 0.6)})
    found = predictions(tmp_path, made_up_links.TRUE, 2)[4].measurement
    assert found.measured_round_s == pytest.approx(3.0)
    assert found.measured_communication_ratio == pytest.approx(0.2)
    off = 100 * (found.predicted_round_s / 3.0 - 1)
    assert found.error_percent == pytest.approx(off)


def test_rounds_of_other_worlds_do_not_move_a_prediction(
    rows: Any, made_up_links: ModuleType, tmp_path: Path
) -> None:
    told = []
    for name, held_out in (("a", (2.4, 0.2)), ("b", (7.0, 9.0))):
        rows.write_link_scaling(tmp_path / name, {2: (2.4, 0.2), 4: held_out})
        found = predictions(tmp_path / name, made_up_links.TRUE, 2)[4].measurement
        told.append((found.predicted_computing_s, found.predicted_communication_s))
    assert told[0] == told[1]


def test_several_buckets_are_several_sums(
    rows: Any, made_up_links: ModuleType, tmp_path: Path
) -> None:
    rows.write_link_scaling(tmp_path, {2: (2.4, 0.1)})
    path = tmp_path / "module3_rounds.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame["averaged_count"], frame["bucket_bytes"] = "300", "400"
    frame.to_csv(path, index=False)
    found = predictions(tmp_path, made_up_links.TRUE, 2)[2].measurement
    expected = 3 * mpich_s(made_up_links.TRUE[LINK], 2, 400)
    assert found.predicted_communication_s == pytest.approx(expected)


def test_links_without_a_network_or_a_pair_are_left_out(
    rows: Any, made_up_links: ModuleType, tmp_path: Path
) -> None:
    rows.write_link_scaling(tmp_path, {2: (2.4, 0.1), 4: (2.4, 0.2)}, link="7 Mbit/s")
    assert predictions(tmp_path, made_up_links.TRUE, 2) == {}
    rows.write_link_scaling(tmp_path / "b", {4: (2.4, 0.2)})
    assert predictions(tmp_path / "b", made_up_links.TRUE, 2) == {}


def test_the_command_writes_them_and_bars_and_a_figure_tell_of_them(
    rows: Any,
    made_up_links: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cost_model, "usable_cores", lambda: 2)
    made_up_links.write_links(tmp_path)
    sums = {n: mpich_s(made_up_links.TRUE[LINK], n, 4 * NUMBERS) for n in (2, 4, 6)}
    rows.write_link_scaling(tmp_path, {n: (0.2, sums[n]) for n in sums})
    model(CostModelConfig(results_dir=tmp_path))
    assert "held out, 100 Mbit/s, a round of 6 hosts" in capsys.readouterr().out
    found = read_table(ROUND_MODEL, tmp_path)
    assert found["error_percent"].abs().max() < 3
    lines = [line for line in render(tmp_path).splitlines() if "round" in line and LINK in line]
    share, off = lines
    assert share.startswith("communication's share of a round, 100 Mbit/s")
    assert share.endswith("at 6: met")
    assert off.endswith(": met")
    assert "module3_round_model" in {path.stem for path in draw(tmp_path, tmp_path / "figures")}


def test_bars_judge_what_is_off_and_what_does_not_grow(
    rows: Any, made_up_links: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_model, "usable_cores", lambda: 2)
    made_up_links.write_links(tmp_path)
    rows.write_link_scaling(tmp_path, {2: (0.2, 0.05), 4: (0.4, 0.05)})
    model(CostModelConfig(results_dir=tmp_path))
    lines = [line for line in render(tmp_path).splitlines() if "round" in line and LINK in line]
    assert [line.endswith(": missed") for line in lines] == [True, True]
