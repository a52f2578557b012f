"""Rows appended whole or not at all: read back equal, by several writers, killed or out of room."""

import errno
import fcntl
import os
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossscale_results import ResultsError, Row, append_rows, read_table
from crossscale_results.privacy import private_part

PROGRAM = Path(__file__).with_name("append_programs.py")
LIMIT_S = 60.0
INTS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
PRINTABLE = st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(' ,";:')
TEXTS = st.text(PRINTABLE, min_size=1).filter(lambda t: bool(t.strip()) and not private_part(t))
ROWS = st.fixed_dictionaries(
    {
        "seed": INTS,
        "repeat": INTS,
        "kernel": TEXTS,
        "mode": st.sampled_from(["fast", "slow"]),
        "warm": st.booleans(),
        "batch_size": INTS,
        "step_s": FLOATS,
        "other_step_s": FLOATS | st.none(),
        "moved_bytes": INTS | st.none(),
        "note": TEXTS | st.none(),
    }
)


def same(read: Any, written: Any) -> bool:
    """Whether a cell came back as it was, floats bit for bit."""
    if written is None:
        return read is pd.NA
    if isinstance(written, float):
        return struct.pack("d", read) == struct.pack("d", written)
    return bool(read == written)


@settings(deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=4), cpu_model=TEXTS, reason=TEXTS)
def test_what_is_written_is_read_back_equal(
    toy: Any,
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, Any]],
    cpu_model: str,
    reason: str,
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    provenance = replace(toy.PROVENANCE, cpu_model=cpu_model)
    made = []
    for row in rows:
        reasons = {name: reason for name, value in row.items() if value is None}
        made.append(toy.toy_row(**row, not_measured=reasons))
        append_rows(toy.TOY, folder, provenance, made[-1:])
    append_rows(toy.TOY, folder, provenance, made)
    read = read_table(toy.TOY, folder)
    assert len(read) == 2 * len(rows)
    for i, row in enumerate(2 * rows):
        absent = [name for name, value in row.items() if value is None]
        said = {"not_measured": "; ".join(f"{name}: {reason}" for name in absent)}
        for name, value in (asdict(provenance) | row | said).items():
            assert same(read[name].array[i], value), name


def test_the_longest_cell_that_is_written_is_read(toy: Any, tmp_path: Path) -> None:
    text = '"' * 131_072
    append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row(note=text)])
    assert read_table(toy.TOY, tmp_path)["note"].tolist() == [text]
    with pytest.raises(ResultsError, match="table toy: note has 131073 characters"):
        append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row(note=text + "x")])


def test_the_header_is_written_once_into_a_folder_made_for_it(toy: Any, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "results"
    for repeat in range(3):
        path = append_rows(toy.TOY, folder, toy.PROVENANCE, [toy.toy_row(repeat)])
    assert path == folder / "toy.csv"
    lines = path.read_text().splitlines()
    assert lines[0] == ",".join(toy.TOY.header)
    assert len(lines) == 4
    assert sorted(folder.iterdir()) == [path]


def test_no_rows_make_no_file(toy: Any, tmp_path: Path) -> None:
    path = append_rows(toy.TOY, tmp_path / "results", toy.PROVENANCE, [])
    assert path == tmp_path / "results" / "toy.csv"
    assert list(tmp_path.iterdir()) == []


def test_with_a_bad_row_none_of_its_companions_is_written(toy: Any, toy_file: Path) -> None:
    before = toy_file.read_bytes()
    rows = [toy.toy_row(3), toy.toy_row(4, step_s=float("nan")), toy.toy_row(5)]
    with pytest.raises(ResultsError, match="table toy: step_s is nan"):
        append_rows(toy.TOY, toy_file.parent, toy.PROVENANCE, rows)
    assert toy_file.read_bytes() == before


def test_a_bench_that_fails_between_its_rows_writes_none(toy: Any, tmp_path: Path) -> None:
    def rows() -> Iterator[Row]:
        yield toy.toy_row(0)
        raise RuntimeError("the second one failed")

    with pytest.raises(RuntimeError, match="the second one"):
        append_rows(toy.TOY, tmp_path, toy.PROVENANCE, rows())
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None)
@given(data=st.data())
def test_a_torn_last_line_is_cut_off_by_the_next_writer(
    toy: Any, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    path = append_rows(toy.TOY, folder, toy.PROVENANCE, [toy.toy_row(i) for i in range(3)])
    whole = path.read_bytes()
    kept = whole[: data.draw(st.integers(0, len(whole)))]
    path.write_bytes(kept)
    append_rows(toy.TOY, folder, toy.PROVENANCE, [toy.toy_row(9)])
    survivors = max(kept.count(b"\n") - 1, 0)
    assert read_table(toy.TOY, folder)["repeat"].tolist() == [*range(survivors), 9]
    assert path.read_bytes().count(b"run_id") == 1


@pytest.mark.parametrize("length", [1, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 200_000])
def test_a_torn_line_of_any_length_is_cut_off(toy: Any, toy_file: Path, length: int) -> None:
    whole = toy_file.read_bytes()
    toy_file.write_bytes(whole + b"x" * length)
    append_rows(toy.TOY, toy_file.parent, toy.PROVENANCE, [toy.toy_row(1)])
    second_row = whole.splitlines(keepends=True)[2]
    assert toy_file.read_bytes() == whole + second_row


def test_a_file_of_nothing_but_a_torn_line_begins_anew(toy: Any, tmp_path: Path) -> None:
    (tmp_path / "toy.csv").write_bytes(b"x" * 200_000)
    append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row(5)])
    assert read_table(toy.TOY, tmp_path)["repeat"].tolist() == [5]


def start(folder: Path, seed: int, appends: int) -> subprocess.Popen[str]:
    """A process that waits for `go` to append, `appends` times or (0) until it is killed."""
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), str(seed), str(appends)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(writers: list[subprocess.Popen[str]]) -> None:
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()


@contextmanager
def ended(writers: list[subprocess.Popen[str]]) -> Iterator[None]:
    """Whatever happens, no process is left."""
    try:
        yield
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def test_several_writers_at_once_lose_and_tear_nothing(toy: Any, tmp_path: Path) -> None:
    writers = [start(tmp_path, seed, appends=40) for seed in range(4)]
    with ended(writers):
        go(writers)
        assert [writer.wait(LIMIT_S) for writer in writers] == [0] * 4
    frame = read_table(toy.TOY, tmp_path)
    for seed, own in frame.groupby("seed"):
        assert own["repeat"].tolist() == list(range(80))
        assert own["kernel"].str.startswith(f"{seed} said").all()
    assert len(frame) == 4 * 80
    assert (tmp_path / "toy.csv").read_text().count("run_id") == 1


def test_a_killed_writer_leaves_a_file_to_read_and_to_go_on_with(toy: Any, tmp_path: Path) -> None:
    append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row(seed=99)])
    for seed in range(3):
        writers = [start(tmp_path, seed, appends=0)]
        before, deadline = len(read_table(toy.TOY, tmp_path)), time.monotonic() + LIMIT_S
        with ended(writers):
            go(writers)
            while len(read_table(toy.TOY, tmp_path)) < before + 20:
                assert time.monotonic() < deadline
    append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row(seed=99)])
    frame = read_table(toy.TOY, tmp_path)
    for seed in range(3):
        repeats = frame[frame["seed"] == seed]["repeat"].tolist()
        assert repeats == list(range(len(repeats)))
        assert len(repeats) >= 20
    assert frame["seed"].iloc[[0, -1]].tolist() == [99, 99]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def full_disk_refusal(toy: Any, path: Path, size: int) -> str:
    """The sentence that a row meets a file with room for `size` bytes with."""
    with room_for(size), pytest.raises(ResultsError) as caught:
        append_rows(toy.TOY, path.parent, toy.PROVENANCE, [toy.toy_row(9)])
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("left", [0, 1, 100])
@pytest.mark.parametrize("torn", [b"", b"0123,torn"])
def test_a_full_disk_leaves_the_rows_before(
    toy: Any, toy_file: Path, left: int, torn: bytes
) -> None:
    before = toy_file.read_bytes()
    toy_file.write_bytes(before + torn)
    sentence = full_disk_refusal(toy, toy_file, len(before) + left)
    assert sentence.startswith(f"{toy_file} cannot be written (")
    assert sentence.endswith("the rows before are as they were: make room and run again")
    assert toy_file.read_bytes() == before
    append_rows(toy.TOY, toy_file.parent, toy.PROVENANCE, [toy.toy_row(9)])
    assert read_table(toy.TOY, toy_file.parent)["repeat"].tolist() == [0, 1, 2, 9]


@pytest.mark.parametrize("size", [0, 50, 400])
def test_a_disk_full_from_the_start_holds_up_no_later_run(
    toy: Any, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "toy.csv"
    assert "cannot be written" in full_disk_refusal(toy, path, size)
    append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row(9)])
    assert read_table(toy.TOY, tmp_path)["repeat"].tolist() == [9]


def test_a_disk_that_tells_only_at_the_end_leaves_the_rows_before(
    toy: Any, toy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = toy_file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultsError, match=r"cannot be written \(No space left on device\)"):
        append_rows(toy.TOY, toy_file.parent, toy.PROVENANCE, [toy.toy_row(9)])
    assert toy_file.read_bytes() == before


@pytest.mark.parametrize("below", ["", "results"])
def test_a_results_folder_that_is_a_file_is_named(toy: Any, tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("something else")
    folder = tmp_path / "taken" / below
    with pytest.raises(ResultsError) as caught:
        append_rows(toy.TOY, folder, toy.PROVENANCE, [toy.toy_row()])
    assert str(caught.value).startswith(f"{folder}/toy.csv cannot be written (")
    assert (tmp_path / "taken").read_text() == "something else"


def test_a_file_system_without_locks_is_named(
    toy: Any, toy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    before = toy_file.read_bytes()
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(ResultsError, match=r"toy\.csv cannot be locked \(No locks available\)"):
        append_rows(toy.TOY, toy_file.parent, toy.PROVENANCE, [toy.toy_row(9)])
    assert toy_file.read_bytes() == before


def test_a_results_file_that_is_a_folder_is_named(toy: Any, tmp_path: Path) -> None:
    (tmp_path / "toy.csv").mkdir()
    with pytest.raises(ResultsError, match=r"toy\.csv cannot be written \(Is a directory\)"):
        append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row()])


def test_a_read_only_folder_is_named(toy: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this account may write everywhere")
        with pytest.raises(ResultsError, match=r"toy\.csv cannot be written \(Permission denied\)"):
            append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row()])
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize(
    ("old_header", "said"),
    [
        (lambda names: names[:-1], "column 'note' is missing"),
        (lambda names: [*names, "speed_ratio"], "column 'speed_ratio' is unknown to table toy"),
        (lambda names: names[::-1], "its columns are in another order"),
        (lambda names: ["step_ms" if n == "step_s" else n for n in names], "'step_ms' is in ms,"),
        (lambda names: [""], "column '' is unknown"),
    ],
)
def test_a_file_of_other_columns_is_left_alone_with_advice(
    toy: Any, tmp_path: Path, old_header: Any, said: str
) -> None:
    path = tmp_path / "toy.csv"
    path.write_text(",".join(old_header(list(toy.TOY.header))) + "\nold,rows\n")
    before = path.read_bytes()
    with pytest.raises(ResultsError) as caught:
        append_rows(toy.TOY, tmp_path, toy.PROVENANCE, [toy.toy_row()])
    assert str(caught.value).startswith(f"{path}, line 1: ")
    assert said in str(caught.value)
    assert str(caught.value).endswith("; move the file away, or write to another --results-dir")
    assert path.read_bytes() == before
