"""What rows say of machines and runs."""

from collections.abc import Callable
from pathlib import Path

from crossscale_results.provenance_facts import facts, kinds_of_cpu, machines, rows_of

WriteRun = Callable[..., Path]


def test_each_table_is_told_with_its_rows(write_run: WriteRun) -> None:
    folder = write_run("run")
    found = {table.name: table for table in facts(rows_of(folder))}
    assert list(found) == ["module1_ladder", "module2_convolution", "module3_rounds"]
    ladder = found["module1_ladder"]
    assert (ladder.rows, ladder.runs, ladder.datasets) == (4 * 6, 1, "synthetic")
    assert ladder.commits == "abcdef012345"


def test_local_changes_are_said(write_run: WriteRun) -> None:
    folder = write_run("run", {"git_dirty": True})
    assert facts(rows_of(folder))[0].commits == "abcdef012345 with local changes"


def test_a_machine_is_told_without_saying_none_beside_something(write_run: WriteRun) -> None:
    folder = write_run("run", {"mpi_version": "MPICH 5"})
    write_run("run", {"run_id": "other", "mpi_version": "none"})
    machine = machines(rows_of(folder))
    assert machine["MPI"] == "MPICH 5"
    assert machine["accelerator"] == "none"
    assert machine["CPU"] == "Example CPU w/ Graphics @ 2.00GHz"
    assert kinds_of_cpu(rows_of(folder)) == ("Example CPU w/ Graphics @ 2.00GHz (avx2)",)


def test_an_empty_folder_tells_nothing(tmp_path: Path) -> None:
    assert rows_of(tmp_path) == {}
    assert machines({}) == {}
    assert kinds_of_cpu(rows_of(tmp_path)) == ()
