"""Rounds on links: their order, and one real start of two modes."""

from pathlib import Path

import pytest

from crossscale_data.source import Source
from crossscale_results.errors import UserError
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap import virtual_cluster
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.link_rounds import (
    GRIDS,
    LinkRoundsConfig,
    LinkRoundsGrid,
    jobs_of,
    link_rounds,
)


def test_modes_take_turns() -> None:
    grid = GRIDS["paper"]
    jobs = list(jobs_of(grid, grid.repeats))
    assert [repeat for *_, repeat in jobs] == sorted(repeat for *_, repeat in jobs)
    assert [mode for _, mode, repeat in jobs if repeat == 0] == list(grid.modes)


@pytest.mark.mpi
@pytest.mark.slow
@pytest.mark.alone
def test_rows_name_their_link_and_ranks_that_share_cores(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        virtual_cluster.require_permission()
    except UserError as error:
        pytest.skip(str(error))
    grid = LinkRoundsGrid(3, ("100mbit",), 1500, ("G0", "G6"), 500, 2, 1, 32, 1)
    monkeypatch.setitem(GRIDS, "quick", grid)
    link_rounds(LinkRoundsConfig(data_dir=short_synthetic.directory, results_dir=tmp_path))
    rows = read_table(ROUNDS, tmp_path)
    assert set(rows["link"]) == {"3 hosts, 100 Mbit/s"}
    assert set(rows["experiment"]) == {"links"}
    assert rows.groupby("mode").size().to_dict() == {"G0": 6, "G6": 6}
    alone = rows.groupby("mode")["communication_s"].first()
    numbers = int(rows["averaged_count"].iloc[0])
    # What the link lets through: 4/3 of float32 numbers in and out of each of 3 hosts.
    assert alone["G0"] > 4 / 3 * 32 * numbers / 400e6
    assert alone["G6"] < alone["G0"]
