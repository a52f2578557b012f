"""Worlds on links: their order, and one real start."""

from dataclasses import replace
from pathlib import Path

import pytest

from crossscale_data.source import Source
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.link_scaling import GRIDS, LinkScalingConfig, jobs_of, link_scaling
from module3_mpi_gpu_overlap.link_sweep import GRIDS as SWEPT


def test_worlds_take_turns_and_share_the_steps() -> None:
    for name, grid in GRIDS.items():
        jobs = list(jobs_of(grid, 2))
        assert len(jobs) == 2 * len(grid.rates) * len(grid.world_sizes)
        assert [repeat for repeat, *_ in jobs] == sorted(repeat for repeat, *_ in jobs)
        assert all(grid.shared_steps % world == 0 for world in grid.world_sizes)
        assert grid.world_sizes[0] == 2
        assert set(grid.rates) <= set(SWEPT[name].rates)


@pytest.mark.mpi
@pytest.mark.usefixtures("virtual_hosts_permitted")
@pytest.mark.slow
def test_rows_name_their_link_and_their_share_of_the_steps(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = replace(GRIDS["quick"], world_sizes=(2,), rates=("50mbit",), rounds=2, hidden_width=100)
    monkeypatch.setitem(GRIDS, "quick", grid)
    link_scaling(LinkScalingConfig(data_dir=short_synthetic.directory, results_dir=tmp_path))
    rows = read_table(ROUNDS, tmp_path)
    assert set(rows["link"]) == {"2 hosts, 50 Mbit/s"}
    assert set(rows["experiment"]) == {"link-scaling"}
    assert set(rows["local_steps"]) == {24}
    assert len(rows) == 4
