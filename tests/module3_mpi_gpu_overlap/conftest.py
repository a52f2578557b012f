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
from module3_mpi_gpu_overlap.virtual_cluster import require_mpich, require_permission

HERE = Path(__file__).parent
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
def virtual_hosts_permitted(mpiexec: Path) -> None:
    """Where they are not, tests of them are skipped."""
    try:
        require_permission()
        require_mpich()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def run_program(mpiexec: Path) -> RunProgram:
    """`run_program(name, ranks, **options)`: what rank 0 of that program told, from its JSON."""
    return _runner(HERE / "rank_programs.py")


@pytest.fixture(scope="session")
def run_wire_program(mpiexec: Path) -> RunProgram:
    """The same of the programs in `wire_programs.py`."""
    return _runner(HERE / "wire_programs.py")


@pytest.fixture(scope="session")
def rows() -> ModuleType:
    """`made_up_rows.py`."""
    return _module("made_up_rows")


@pytest.fixture(scope="session")
def made_up_links() -> ModuleType:
    """`made_up_links.py`."""
    return _module("made_up_links")


def _runner(programs: Path) -> RunProgram:
    def run(name: str, ranks: int, limit_s: float = LIMIT_S, **options: Any) -> Any:
        arguments = [str(programs), "--name", name, "--options", json.dumps(options)]
        out = run_ranks(ranks, arguments, limit_s)
        return json.loads(out.strip().splitlines()[-1])

    return run


def _module(name: str) -> ModuleType:
    """A file beside this one, which importlib mode lets nobody import by name."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
