"""The toy table and made-up runs, which importlib mode lets nobody import by name."""

import importlib.util
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from crossscale_results.writer import append_rows


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    """`toy.py`: TOY, PROVENANCE, RUN, MEASUREMENT and toy_row."""
    return _module("toy")


@pytest.fixture(scope="session")
def write_run_to(toy: Any) -> Callable[..., Path]:
    """`write_run_to(folder, changed, **ratios)`: made-up rows; `changed` is of their provenance."""
    made_up_runs = _module("made_up_runs")

    def write(folder: Path, changed: dict[str, Any] | None = None, **ratios: Any) -> Path:
        provenance = replace(toy.PROVENANCE, **(changed or {}))
        made_up_runs.write_run(folder, provenance, **ratios)
        return folder

    return write


@pytest.fixture
def write_run(write_run_to: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """The same, by a folder's name in the test's own folder."""
    return lambda name, *args, **ratios: write_run_to(tmp_path / name, *args, **ratios)


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def toy_file(toy: Any, tmp_path: Path) -> Path:
    """A file of three rows, repeats 0 to 2, the last with a reason."""
    last = toy.toy_row(repeat=2, note=None, not_measured={"note": "nobody looked"})
    rows = [toy.toy_row(repeat=0), toy.toy_row(repeat=1), last]
    return append_rows(toy.TOY, tmp_path, toy.PROVENANCE, rows)


@pytest.fixture(scope="session")
def provenance_frame(toy: Any) -> Callable[..., pd.DataFrame]:
    """`provenance_frame(n, **changed)`: what `n` rows say of where they come from."""

    def frame(n: int = 3, **changed: Any) -> pd.DataFrame:
        return pd.DataFrame([asdict(toy.PROVENANCE) | changed] * n)

    return frame
