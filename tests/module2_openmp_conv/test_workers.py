"""Workers: their own environment, the same problem, samples in turns, and one sentence at death."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crossscale_results import UserError
from module2_openmp_conv import workers
from module2_openmp_conv.contestants import TORCHS
from module2_openmp_conv.correctness import max_error_ratio, references
from module2_openmp_conv.extension import supported_isas
from module2_openmp_conv.grid import Cell, Operation
from module2_openmp_conv.measure import entrants, names_taking_part, rows_of_cell
from module2_openmp_conv.problem import problem_of

CELL = Cell(2, 1, 2, 3, threads=1)
WINDOWS = torch.randn(50, 500, generator=torch.Generator().manual_seed(0))


def test_everyone_takes_turns_wherever_they_run_and_is_checked() -> None:
    problem = problem_of(CELL, WINDOWS, seed=3)
    kinds = workers.usable(("malloc", "avx2", "thp"))
    assert ("avx2" in kinds) == ("avx2" in supported_isas())
    with workers.start(kinds, WINDOWS) as running:
        everyone = entrants(problem, 3, running)
        theirs = {name for kind in kinds for name in workers.KINDS[kind].contestants}
        assert theirs < set(everyone)
        expected = references(problem)
        for name in theirs:  # the same windows and seed: else it would be wrong
            assert max_error_ratio(name, everyone[name].result(), expected) < 1e-6
        rows = list(rows_of_cell(problem, everyone, repeats=3, sample_ms=0.1, seed=0))
    names = [row.config.contestant for row in rows]
    turns = [names[i : i + len(everyone)] for i in range(0, len(names), len(everyone))]
    assert len(turns) == 3
    assert all(set(turn) == set(everyone) for turn in turns)
    assert turns[0] != turns[1]  # in another order each time
    assert all(row.measurement.call_us > 0 for row in rows)
    isas = {row.config.contestant: row.config.kernels_isa for row in rows}
    assert isas.get("crossscale_avx2", "avx2") == "avx2"
    assert isas["torch_malloc"] == "none"
    assert all(worker.process.returncode == 0 for worker in running)


def test_the_environment_reaches_the_process() -> None:
    with workers.start(("thp",), WINDOWS) as (worker,):
        worker.prepare(CELL, seed=0)
        environment = Path(f"/proc/{worker.process.pid}/environ").read_bytes()
        assert b"THP_MEM_ALLOC_ENABLE=1" in environment.split(b"\0")


def test_a_worker_that_dies_ends_in_one_sentence() -> None:
    with workers.start(("thp",), WINDOWS) as (worker,):
        worker.prepare(CELL, seed=0)
        os.kill(worker.process.pid, signal.SIGKILL)
        with pytest.raises(UserError, match="process `thp` was killed by signal 9: see") as error:
            worker.call_s("torch", 1)
        assert "\n" not in str(error.value)


def test_a_worker_that_fails_says_why() -> None:
    with workers.start(("thp",), WINDOWS) as (worker,):
        worker.prepare(CELL, seed=0)
        with pytest.raises(UserError, match=r"process `thp` failed: KeyError: 'nobody'"):
            worker.call_s("nobody", 1)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
@pytest.mark.parametrize(
    ("operation", "layouts"),
    [
        ("forward", ("", "_packed", "_blocked", "_channels_last")),
        ("input_gradient", ("", "_blocked", "_channels_last")),
        ("weight_gradient", ("", "_blocked", "_channels_last")),
        ("training_step", ("", "_channels_last")),
        ("forward_with_grad", ("",)),
    ],
)
def test_torch_has_memory_to_reuse_in_every_layout(
    operation: Operation, layouts: tuple[str, ...]
) -> None:
    problem = problem_of(replace(CELL, operation=operation), WINDOWS, seed=3)
    names = names_taking_part(problem, ("malloc",), peers=False)
    kept = {name for name in names if name.startswith("torch_malloc")}
    assert kept == {f"torch_malloc{layout}" for layout in layouts}
    assert kept < set(TORCHS)  # any of them can be torch's best
