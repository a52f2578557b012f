"""The suite's tables, claims and figures together, also where nothing was measured yet."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from crossscale_results import Table
from crossscale_results.tables import MODULES, all_claims, all_ratios, all_tables, draw_all


def test_every_table_has_a_name_of_its_own_with_its_module() -> None:
    names = [table.name for table in all_tables()]
    assert len(set(names)) == len(names)
    for module in MODULES:
        number = module.split("_")[0]
        assert any(name.startswith(f"{number}_") for name in names), module


def test_no_table_of_a_module_is_left_out() -> None:
    found = [table.name for table in all_tables()]
    for module in MODULES:
        owned = vars(importlib.import_module(f"{module}.columns")).values()
        for table in owned:
            assert not isinstance(table, Table) or table.name in found


def test_every_table_says_what_a_row_is() -> None:
    for table in all_tables():
        assert table.title.endswith("."), table.name
        assert all(column.doc.strip() for column in table.columns), table.name


def test_every_table_measures_something() -> None:
    for table in all_tables():
        assert any(column.unit for column in table.columns if column.kind == "float"), table.name


@pytest.mark.parametrize("name", ["there", "not there"])
def test_without_results_every_claim_is_not_measured(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    claims = all_claims(tmp_path / name)
    assert {claim.verdict for claim in claims} == {"not measured"}
    assert len({claim.module for claim in claims}) == len(MODULES)
    for claim in claims:
        assert claim.paper
        assert claim.measured
        assert claim.command.startswith("python -m ")


@pytest.mark.parametrize("name", ["there", "not there"])
def test_without_results_there_is_no_ratio(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    assert all_ratios(tmp_path / name) == []


def test_no_two_ratios_of_a_run_have_one_name(write_run: Callable[..., Path]) -> None:
    names = [(ratio.module, ratio.name) for ratio in all_ratios(write_run("run"))]
    assert len(set(names)) == len(names) == 3


@pytest.mark.parametrize("name", ["there", "not there"])
def test_without_results_nothing_is_drawn(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    assert draw_all(tmp_path / name, tmp_path / "figures") == []
    assert not (tmp_path / "figures").exists()
