"""The examples of docs/adding.md are whole programs: what they add is measured like the rest."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from crossscale_data.classifier import build_model
from crossscale_data.rr_context import CONTEXT_FEATURES
from crossscale_data.source import DATABASE_VARIABLE, Source
from crossscale_results import read_table
from module1_locality.columns import LADDER_TABLE
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.mpiexec import find_mpiexec

TEXT = (Path(__file__).parents[2] / "docs" / "adding.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", TEXT, re.DOTALL))
LIMIT_S = 120


def run(name: str, folder: Path, database: Source, *launcher: str) -> str:
    """What that program of the document prints, started in `folder`."""
    (folder / name).write_text(PROGRAMS[name], encoding="utf-8")
    done = subprocess.run(
        [*launcher, sys.executable, name],
        cwd=folder,
        env={**os.environ, DATABASE_VARIABLE: str(database.directory)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_block_of_python_is_a_program_that_is_run_here() -> None:
    assert TEXT.count("```python") == len(PROGRAMS)
    assert set(PROGRAMS) == {"my_contestant.py", "my_rung.py", "my_mode.py"}


@pytest.mark.kernels
def test_a_new_contestant_is_checked_and_takes_its_turns(
    tmp_path: Path, short_synthetic: Source
) -> None:
    lines = [
        line.split() for line in run("my_contestant.py", tmp_path, short_synthetic).splitlines()
    ]
    turns = {(int(repeat), name): float(us) for repeat, name, us, _ in lines}
    assert {(repeat, "torch_banded") for repeat in range(3)} <= set(turns)
    assert {"torch", "crossscale"} <= {name for _, name in turns}
    assert all(us > 0 for us in turns.values())


def test_a_wrong_contestant_is_not_timed(
    tmp_path: Path, short_synthetic: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = PROGRAMS["my_contestant.py"].replace("None, 1, cell.padding", "None, 1, 0")
    monkeypatch.setitem(PROGRAMS, "my_contestant.py", wrong)
    with pytest.raises(AssertionError, match="torch_banded"):
        run("my_contestant.py", tmp_path, short_synthetic)


def test_a_new_rung_has_rows_beside_the_one_it_follows(
    tmp_path: Path, short_synthetic: Source
) -> None:
    screen = run("my_rung.py", tmp_path, short_synthetic)
    assert "A5-blocks      A5 less buffer: A5, but runs are not shuffled" in screen
    ladder = read_table(LADDER_TABLE, tmp_path / "results").set_index("rung")
    assert set(ladder.index) == {"A5", "A5-blocks", "C0"}
    assert ladder["step_ms"].notna().all()
    patients = ladder["records_per_batch_count"]
    assert patients["A5-blocks"].max() < patients["A5"].min()
    assert (tmp_path / "results" / "traces" / "module1_A5-blocks.json").is_file()


@pytest.mark.mpi
def test_a_new_mode_averages_on_its_wire(tmp_path: Path, short_synthetic: Source) -> None:
    run("my_mode.py", tmp_path, short_synthetic, str(find_mpiexec()), "-n", "2")
    rounds = read_table(ROUNDS, tmp_path / "results")
    assert set(rounds["mode"]) == {"G7"}
    assert set(rounds["wire"]) == {"bf16"}
    assert len(rounds) == 2 * 2  # rounds of ranks
    buffers = build_model("beatnet", 2, CONTEXT_FEATURES).buffers()
    statistics = sum(buffer.numel() for buffer in buffers if buffer.is_floating_point())
    encoded_bytes = 2 * (rounds["averaged_count"] - statistics)
    padding_bytes = rounds["payload_bytes"] - encoded_bytes - 8 * statistics  # to whole words
    assert padding_bytes.isin(range(4)).all()
