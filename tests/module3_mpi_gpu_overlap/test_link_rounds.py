"""Rounds on links: their order, and one real start of two modes."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crossscale_data.source import Source
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap import link_rounds as module
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.link_rounds import (
    GRIDS,
    TRIAL_ROUNDS,
    LinkRoundsConfig,
    LinkRoundsGrid,
    jobs_of,
    link_rounds,
    steps_in_balance,
)


def test_modes_take_turns() -> None:
    grid = GRIDS["paper"]
    jobs = list(jobs_of(grid, grid.repeats))
    assert [repeat for *_, repeat in jobs] == sorted(repeat for *_, repeat in jobs)
    assert [mode for _, mode, repeat in jobs if repeat == 0] == list(grid.modes)


def test_as_many_steps_are_taken_as_train_while_an_average_lasts(rows: Any, tmp_path: Path) -> None:
    rows.write_link_rounds(tmp_path, {"G0": (1.0, 3.0)})  # 50 steps in 1.97 s; averages of 1 s
    assert steps_in_balance(read_table(ROUNDS, tmp_path)) == 25


@pytest.mark.mpi
@pytest.mark.usefixtures("virtual_hosts_permitted")
@pytest.mark.slow
@pytest.mark.alone
def test_rows_name_their_link_and_ranks_that_share_cores(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = LinkRoundsGrid(3, ("100mbit",), 1500, ("G6",), 500, 2, 1, 32, 1)
    monkeypatch.setitem(GRIDS, "quick", grid)
    trials: list[pd.DataFrame] = []
    monkeypatch.setattr(module, "steps_in_balance", lambda rows: trials.append(rows) or 1)
    link_rounds(LinkRoundsConfig(data_dir=short_synthetic.directory, results_dir=tmp_path))
    kept = read_table(ROUNDS, tmp_path)
    assert set(kept["mode"]) == {"G6"}
    rows = pd.concat([*trials, kept])  # the trial is in G0
    assert set(rows["link"]) == {"3 hosts, 100 Mbit/s"}
    assert set(rows["experiment"]) == {"links"}
    assert set(rows["congestion_control"]) == {"reno"}
    assert rows.groupby("mode").size().to_dict() == {"G0": 3 * TRIAL_ROUNDS, "G6": 3 * 2}
    alone = rows.groupby("mode")["communication_s"].first()
    numbers = int(rows["averaged_count"].iloc[0])
    # What the link lets through: 4/3 of float32 numbers in and out of each of 3 hosts.
    assert alone["G0"] > 4 / 3 * 32 * numbers / 400e6
    assert alone["G6"] < alone["G0"]
