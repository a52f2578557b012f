"""Rows of one bench are looked at together, those of others never with them."""

from pathlib import Path
from types import ModuleType

import pytest

from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.selection import profile_rows


def test_without_rows_there_is_nothing(tmp_path: Path) -> None:
    assert profile_rows(ROUNDS, tmp_path) is None


def test_the_larger_profile_is_looked_at(tmp_path: Path, rows: ModuleType) -> None:
    rows.write_rounds(tmp_path, "paper", {1: 0.1})
    rows.write_rounds(tmp_path, "quick", {1: 0.1, 2: 0.1})
    found = profile_rows(ROUNDS, tmp_path)
    assert found is not None
    assert set(found["profile"]) == {"paper"}


def test_a_later_bench_on_other_data_stands_alone(
    tmp_path: Path, rows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.write_rounds(tmp_path, "quick", {1: 0.1, 2: 0.1})
    real = rows.collect
    monkeypatch.setattr(rows, "collect", lambda dataset, profile: real("synthetic", profile))
    rows.write_rounds(tmp_path, "quick", {1: 0.1})
    found = profile_rows(ROUNDS, tmp_path)
    assert found is not None
    assert set(found["dataset"]) == {"synthetic"}
    assert set(found["world_size"]) == {1}
