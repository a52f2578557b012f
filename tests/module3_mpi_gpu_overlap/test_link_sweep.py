"""The sweep's order and sizes, and one real process start of it."""

from pathlib import Path

import pytest

from crossscale_data.source import Source
from crossscale_results.errors import UserError
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap import link_sweep, run_on_hosts
from module3_mpi_gpu_overlap.link_columns import LINKS
from module3_mpi_gpu_overlap.link_sweep import (
    GRIDS,
    Job,
    LinkGrid,
    LinkSweepConfig,
    fitting,
    jobs_of,
    sweep,
)


def test_a_repetition_runs_everything_once_before_the_next() -> None:
    jobs = list(jobs_of(GRIDS["paper"]))
    repeats = [job.repeat for job in jobs]
    assert repeats == sorted(repeats)
    first = {(j.rate, j.ranks, j.algorithm) for j in jobs if j.repeat == 0}
    assert len(first) == len(jobs) / GRIDS["paper"].repeats


def test_every_link_has_its_messages_and_one_rank_no_choice_of_algorithm() -> None:
    grid = GRIDS["paper"]
    jobs = [job for job in jobs_of(grid) if job.repeat == 0]
    assert [j.rate for j in jobs if j.algorithm == "none"] == list(grid.rates)
    alone = [job.algorithm for job in jobs if job.ranks == 1]
    assert alone == ["auto"] * len(grid.rates)
    assert all(job.sizes for job in jobs)


def test_vectors_that_would_take_too_long_are_left_out() -> None:
    assert fitting((1_000, 1_000_000), "1mbit", 1.0) == (1_000,)
    assert fitting((1_000, 1_000_000), "unshaped", 1.0) == (1_000, 1_000_000)
    assert fitting((31_250,), "1mbit", 1.0) == (31_250,)


@pytest.mark.mpi
@pytest.mark.usefixtures("virtual_hosts_permitted")
@pytest.mark.slow
@pytest.mark.alone
def test_one_start_of_messages_and_one_of_a_sum_give_their_rows(
    mpiexec: Path,
    short_synthetic: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = LinkGrid(("50mbit",), (2,), ("ring",), (3_000, 30_000), 2, 1, 1.0)
    monkeypatch.setitem(GRIDS, "quick", grid)
    monkeypatch.setattr(link_sweep, "POINT_TO_POINT_SIZES", (1, 100_000))
    sweep(LinkSweepConfig(data_dir=short_synthetic.directory, results_dir=tmp_path))
    rows = read_table(LINKS, tmp_path)
    assert set(rows["link"]) == {"50 Mbit/s"}
    assert set(rows["congestion_control"]) == {"reno"}
    counts = rows.groupby(["operation", "algorithm"]).size().to_dict()
    assert counts == {
        ("ping-pong", "none"): 4,
        ("local-reduction", "none"): 4,
        ("allreduce", "ring"): 4,
    }
    longest = rows[(rows["operation"] == "ping-pong") & (rows["message_bytes"] == 400_000)]
    assert longest["elapsed_s"].median() == pytest.approx(8 * 400_000 / 50e6, rel=0.2)
    assert (rows["mpi_version"] != "none").all()


def test_a_start_that_fails_stops_the_sweep_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_on_hosts, "check", lambda _: None)
    monkeypatch.setattr(run_on_hosts, "CLUSTER", "no_such_module")
    with pytest.raises(UserError, match=r"stopped at 2 hosts, 1mbit, ring: .*no_such_module"):
        link_sweep._run(["sh"], Job(0, "1mbit", 2, "ring", (1,)))
