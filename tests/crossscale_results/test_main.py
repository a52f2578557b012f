"""The row contract from the shell: columns written, compared, and files checked."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crossscale_results import __main__ as command
from crossscale_results.document import columns_markdown
from crossscale_results.tables import all_tables
from crossscale_results.writer import append_rows


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`start(*arguments)`: the exit status."""

    def start(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["crossscale_results", *arguments])
        return command.main()

    return start


@pytest.fixture
def toy_suite(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite of the toy table alone."""
    monkeypatch.setattr(command, "all_tables", lambda: (toy.TOY,))


def test_columns_are_written_where_they_are_looked_for(
    start: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path)
    assert start("columns") == 0
    path = tmp_path / "results" / "COLUMNS.md"
    assert path.read_text(encoding="utf-8") == columns_markdown(all_tables())
    assert list(path.parent.iterdir()) == [path]
    assert start("columns", "--check") == 0


@pytest.mark.parametrize("text", ["# Columns\n", None])
def test_a_check_fails_in_one_sentence_and_changes_nothing(
    start: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    text: str | None,
) -> None:
    path = tmp_path / "COLUMNS.md"
    if text is not None:
        path.write_text(text)
    assert start("columns", "--check", "--path", str(path)) == 2
    assert capsys.readouterr().err == (
        f"error: {path} is not what the code says: run `python -m crossscale_results columns`\n"
    )
    assert (path.read_text() if path.exists() else None) == text


@pytest.mark.parametrize("check", ["--check", "--no-check"])
def test_outside_the_checkout_it_says_where_to_run(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path, check: str
) -> None:
    path = tmp_path / "results" / "COLUMNS.md"
    assert start("columns", check, "--path", str(path)) == 2
    assert "is no folder: run this in the suite's checkout" in capsys.readouterr().err
    assert not path.parent.exists()


def test_a_disk_that_is_full_leaves_the_old_columns_and_nothing_else(
    start: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "COLUMNS.md"
    path.write_text("old")

    def half(unfinished: Path, text: str, **options: Any) -> None:
        unfinished.write_bytes(text.encode()[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", half)
        assert start("columns", "--path", str(path)) == 2
    said = capsys.readouterr().err
    assert said == f"error: the disk is full at {path}: make room and run again\n"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_machine_whose_locale_is_not_utf8_writes_the_same(tmp_path: Path) -> None:
    path = tmp_path / "COLUMNS.md"
    subprocess.run(
        [sys.executable, "-m", "crossscale_results", "columns", "--path", str(path)],
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        check=True,
    )
    assert path.read_bytes() == columns_markdown(all_tables()).encode()


@pytest.mark.usefixtures("toy_suite")
def test_validate_counts_each_tables_rows(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str], toy_file: Path, tmp_path: Path
) -> None:
    assert start("validate", "--results-dir", str(toy_file.parent)) == 0
    assert capsys.readouterr().out == "toy: 3 rows\n"
    toy_file.rename(tmp_path / "away.csv")
    assert start("validate", "--results-dir", str(tmp_path)) == 0
    assert capsys.readouterr().out == "toy: no file\n"


def test_validate_names_every_table(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert start("validate", "--results-dir", str(tmp_path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{table.name}: no file" for table in all_tables()]


@pytest.mark.usefixtures("toy_suite")
def test_validate_stops_at_a_bad_cell(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str], toy_file: Path
) -> None:
    toy_file.write_text(toy_file.read_text().replace("0.25", "nan", 1))
    assert start("validate", "--results-dir", str(toy_file.parent)) == 2
    expected = f"error: {toy_file}, line 2: step_s is not of kind float: 'nan'\n"
    assert capsys.readouterr().err == expected


@pytest.mark.usefixtures("toy_suite")
def test_rows_of_another_table_are_not_this_ones(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str], toy: Any, tmp_path: Path
) -> None:
    path = append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row()])
    path.write_text("a,b\n1,2\n")
    assert start("validate", "--results-dir", str(tmp_path)) == 2
    assert f"error: {path}, line 1: column 'a' is unknown" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_named(
    start: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    assert start("validate", "--results-dir", str(missing)) == 2
    assert capsys.readouterr().err == f"error: {missing} is no folder\n"


@pytest.mark.parametrize("arguments", [[], ["count"], ["validate", "--path", "x"]])
def test_another_command_line_is_status_2(start: Callable[..., int], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        start(*arguments)
    assert caught.value.code == 2
