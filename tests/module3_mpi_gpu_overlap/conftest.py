"""Ranks for tests (rank_programs.py started by a real mpiexec), and made-up rows."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.mpiexec import find_mpiexec, run_ranks

PROGRAMS = Path(__file__).parent / "rank_programs.py"
LIMIT_S = 60.0

RunProgram = Callable[..., Any]


@pytest.fixture(scope="session")
def mpiexec() -> Path:
    """The mpiexec that tests use; without one they are skipped."""
    try:
        return find_mpiexec()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def run_program(mpiexec: Path) -> RunProgram:
    """`run_program(name, ranks, **options)`: what rank 0 of that program told, from its JSON."""

    def run(name: str, ranks: int, limit_s: float = LIMIT_S, **options: Any) -> Any:
        arguments = [str(PROGRAMS), "--name", name, "--options", json.dumps(options)]
        out = run_ranks(ranks, arguments, limit_s)
        return json.loads(out.strip().splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def rows() -> ModuleType:
    """`made_up_rows.py`, which importlib mode lets nobody import by name."""
    spec = importlib.util.spec_from_file_location(
        "made_up_rows", Path(__file__).with_name("made_up_rows.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
