"""A file read back: every cell checked, and whatever is wrong named by file, line and column."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import make_dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import Doc

from crossscale_results import ResultsError, Row, Table, append_rows, read_table, reader

Lines = list[list[str]]


def rewrite(path: Path, change: Callable[[Lines], Any]) -> None:
    """Do something to the lines of a file."""
    with path.open(newline="") as file:
        lines = list(csv.reader(file))
    change(lines)
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def put(path: Path, line: int, column: str, cell: str) -> None:
    """Put a cell in a line of a file, counted from 1."""

    def change(lines: Lines) -> None:
        lines[line - 1][lines[0].index(column)] = cell

    rewrite(path, change)


def refusal(toy: Any, path: Path) -> str:
    with pytest.raises(ResultsError) as caught:
        read_table(toy.TOY, path.parent)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_columns_come_in_the_tables_order_with_their_dtypes(toy: Any, toy_file: Path) -> None:
    frame = read_table(toy.TOY, toy_file.parent)
    assert tuple(frame.columns) == toy.TOY.header
    dtypes = {"int": "Int64", "float": "Float64", "str": "string", "bool": "boolean"}
    for column in toy.TOY.columns:
        assert frame[column.name].dtype == dtypes[column.kind], column.name
    assert frame["repeat"].tolist() == [0, 1, 2]


def test_a_file_that_lies_still_is_parsed_once_and_nobodys_changes_reach_another(
    toy: Any, toy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = []
    parse = reader.whole_lines
    monkeypatch.setattr(reader, "whole_lines", lambda path: parsed.append(path) or parse(path))
    os.utime(toy_file, (1.0, 1.0))
    frame = read_table(toy.TOY, toy_file.parent)
    frame["repeat"] = 9
    assert read_table(toy.TOY, toy_file.parent)["repeat"].tolist() == [0, 1, 2]
    assert parsed == [toy_file]


def test_a_change_that_leaves_size_and_time_is_seen(toy: Any, toy_file: Path) -> None:
    times = toy_file.stat()
    read_table(toy.TOY, toy_file.parent)
    put(toy_file, 2, "repeat", "7")
    os.utime(toy_file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert toy_file.stat().st_size == times.st_size
    assert read_table(toy.TOY, toy_file.parent)["repeat"].tolist() == [7, 1, 2]


def test_what_was_not_measured_is_na_with_its_reason(toy: Any, toy_file: Path) -> None:
    frame = read_table(toy.TOY, toy_file.parent)
    assert frame["note"].isna().tolist() == [False, False, True]
    assert frame["not_measured"].tolist() == ["", "", "note: nobody looked"]


def test_columns_in_another_order_are_the_same_table(toy: Any, toy_file: Path) -> None:
    before = read_table(toy.TOY, toy_file.parent)
    rewrite(toy_file, lambda lines: [line.reverse() for line in lines])
    pd.testing.assert_frame_equal(read_table(toy.TOY, toy_file.parent), before)


def test_windows_line_ends_are_the_same_table(toy: Any, toy_file: Path) -> None:
    before = read_table(toy.TOY, toy_file.parent)
    toy_file.write_bytes(toy_file.read_bytes().replace(b"\n", b"\r\n"))
    pd.testing.assert_frame_equal(read_table(toy.TOY, toy_file.parent), before)


def test_a_missing_file_is_named_with_what_to_do(toy: Any, tmp_path: Path) -> None:
    sentence = refusal(toy, tmp_path / "toy.csv")
    assert sentence == f"{tmp_path}/toy.csv does not exist: run the bench that writes it first"


@pytest.mark.parametrize("kept", ["", "run_id,time_ut", "the header\n", "the header\n0123,2026"])
def test_a_file_without_a_whole_row_is_named(toy: Any, tmp_path: Path, kept: str) -> None:
    path = tmp_path / "toy.csv"
    path.write_text(kept.replace("the header", ",".join(toy.TOY.header)))
    assert refusal(toy, path).startswith(f"{path} has no rows: ")


@pytest.mark.parametrize("whole_lines", [0, 1, 2])
def test_a_table_has_rows_from_its_first_whole_one(
    toy: Any, toy_file: Path, whole_lines: int
) -> None:
    lines = toy_file.read_bytes().splitlines(keepends=True)
    toy_file.write_bytes(b"".join(lines[:whole_lines]) + lines[whole_lines][:3])
    assert reader.has_rows(toy.TOY, toy_file.parent) == (whole_lines == 2)
    toy_file.unlink()
    assert not reader.has_rows(toy.TOY, toy_file.parent)


def test_a_torn_last_line_is_no_row(toy: Any, toy_file: Path) -> None:
    whole = toy_file.read_bytes()
    for kept in range(whole[:-1].rfind(b"\n") + 1, len(whole)):
        toy_file.write_bytes(whole[:kept])
        assert read_table(toy.TOY, toy_file.parent)["repeat"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("step_s", "step_ms", "column 'step_ms' is in ms, where the table has 'step_s' in s"),
        ("step_s", "speed", "column 'speed' is unknown to table toy"),
        ("step_s", "other_step_s", "column 'other_step_s' is there twice"),
    ],
)
def test_a_strange_column_is_named(toy: Any, toy_file: Path, old: str, new: str, said: str) -> None:
    put(toy_file, 1, old, new)
    assert refusal(toy, toy_file) == f"{toy_file}, line 1: {said}"


def test_a_missing_column_is_named(toy: Any, toy_file: Path) -> None:
    rewrite(toy_file, lambda lines: [line.pop() for line in lines])
    assert refusal(toy, toy_file) == f"{toy_file}, line 1: column 'note' is missing"


@pytest.mark.parametrize(
    ("column", "kind", "cells"),
    [
        ("batch_size", "int", ["1.0", "1_000", " 1", "1 ", "+1", "--1", "-", "1e3", "0x1", "true"]),
        ("batch_size", "int", [str(2**63), str(-(2**63) - 1), "9" * 30, "٣", "x"]),
        ("step_s", "float", ["nan", "NaN", "inf", "-inf", "1e999", "1_0", " 1", "0x1p3", "NA"]),
        ("step_s", "float", ["1,5", "1.5.2", "e", "٣", "false"]),
        ("warm", "bool", ["True", "False", "1", "0", "yes", " true"]),
    ],
)
def test_a_cell_of_another_kind_is_named(
    toy: Any, toy_file: Path, column: str, kind: str, cells: list[str]
) -> None:
    for cell in cells:
        put(toy_file, 3, column, cell)
        sentence = f"{toy_file}, line 3: {column} is not of kind {kind}: {cell!r}"
        assert refusal(toy, toy_file) == sentence


@pytest.mark.parametrize("cells", ["x", "x,y", "", "x" + 99 * ","])
def test_a_line_of_another_length_is_named(toy: Any, toy_file: Path, cells: str) -> None:
    with toy_file.open("a") as file:
        file.write(f"{cells}\n")
    count = len(cells.split(",")) if cells else 0
    expected = f"{toy_file}, line 5: {count} cells under {len(toy.TOY.header)} columns"
    assert refusal(toy, toy_file) == expected


@pytest.mark.parametrize(
    ("column", "reasons", "said"),
    [
        ("note", "", "note is empty and has no reason in not_measured"),
        ("note", "moved_bytes: x", "moved_bytes has a value and a reason in not_measured"),
        ("note", "note: ", "note is empty and has no reason in not_measured"),
        ("note", "note:  ; moved_bytes: x", "moved_bytes has a value and a reason"),
        ("kernel", "", "kernel is empty and must not be"),
        ("run_id", "", "run_id is empty and must not be"),
        ("kernel", "kernel: x", "not_measured names no column that may be empty: 'kernel: x'"),
        ("note", "nobody looked", "not_measured names no column that may be empty: 'nobody"),
        ("note", "; note: x", None),
    ],
)
def test_an_empty_cell_without_its_own_reason_is_named(
    toy: Any, toy_file: Path, column: str, reasons: str, said: str | None
) -> None:
    put(toy_file, 2, column, "")
    put(toy_file, 2, "not_measured", reasons)
    if said is None:  # a reason is found wherever it stands
        assert read_table(toy.TOY, toy_file.parent)["note"].isna().tolist() == [True, False, True]
    else:
        assert refusal(toy, toy_file).startswith(f"{toy_file}, line 2: {said}")


def test_a_value_with_a_reason_is_named(toy: Any, toy_file: Path) -> None:
    put(toy_file, 2, "not_measured", "note: nobody looked")
    expected = f"{toy_file}, line 2: note has a value and a reason in not_measured"
    assert refusal(toy, toy_file) == expected


def test_a_table_that_is_always_full_takes_no_reasons(toy: Any, tmp_path: Path) -> None:
    full = make_dataclass("Full", [("full_s", Annotated[float, Doc("How long.")])])
    table = Table("full", "One.", toy.ToyRun, full)
    path = append_rows(table, tmp_path, toy.PROVENANCE, [Row(toy.RUN, full(1.0), 0, 0)])
    for cell in (": x", "x", "full_s: x", "; : x"):
        put(path, 2, "not_measured", cell)
        with pytest.raises(ResultsError, match="line 2: not_measured names no column that may be"):
            read_table(table, tmp_path)


def test_bytes_that_are_no_utf8_are_named(toy: Any, toy_file: Path) -> None:
    whole = toy_file.read_bytes()
    second = whole.index(b"steady")
    toy_file.write_bytes(whole[:second] + b"\xff" + whole[second:])
    assert refusal(toy, toy_file) == f"{toy_file}, line 2: not UTF-8"


@pytest.mark.parametrize("cell", ['"a"b', '"never closed'])
def test_a_broken_quotation_is_named(toy: Any, toy_file: Path, cell: str) -> None:
    text = toy_file.read_text()
    toy_file.write_text(text.replace("steady", cell))
    assert refusal(toy, toy_file).startswith(f"{toy_file}, line ")


@settings(deadline=None)
@given(at=st.integers(0, 1200), cut=st.integers(0, 40), put_in=st.binary(max_size=20))
def test_a_damaged_file_is_read_or_named_never_a_crash(
    toy: Any, tmp_path_factory: pytest.TempPathFactory, at: int, cut: int, put_in: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = append_rows(toy.TOY, folder, toy.PROVENANCE, [toy.toy_row(i) for i in range(4)])
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + put_in + whole[at + cut :])
    try:
        frame = read_table(toy.TOY, folder)
    except ResultsError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 - either outcome is right
    else:
        assert tuple(frame.columns) == toy.TOY.header


def test_reading_results_needs_no_torch(toy: Any, toy_file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from toy import TOY; from crossscale_results import read_table\n"
        "print(len(read_table(TOY, Path(sys.argv[2]))), 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(Path(toy.__file__).parent), str(toy_file.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "3 False\n"
