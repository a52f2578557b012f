"""`python -m crossscale_data`: what it prints, how it exits, and one sentence where it cannot."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crossscale_data import __main__ as command_line
from crossscale_data import checksums, source, synthetic
from crossscale_data.checksums import SYNTHETIC_MARKER, file_sha256
from crossscale_data.download import DownloadError
from crossscale_data.info import database_table
from crossscale_data.prepared import VIEWS, load_beats, prepared_folder
from crossscale_data.records import RECORDS
from crossscale_data.source import DATABASE_VARIABLE, HOME_VARIABLE, Source


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no variable, no network."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    for module in (source, command_line):
        monkeypatch.setattr(module, "download", no_network)
    return tmp_path / "home"


@pytest.fixture
def like_mitdb(short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database that passes for MIT-BIH: no marker, and its sums taken for the published ones."""
    folder = tmp_path / "like-mitdb"
    shutil.copytree(short_synthetic.directory, folder)
    (folder / SYNTHETIC_MARKER).unlink()
    sums = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    for module in (checksums, source, command_line):
        monkeypatch.setattr(module, "published_sums", lambda: sums)
    return folder


@pytest.fixture
def spoilt(short_synthetic: Source, tmp_path: Path) -> Path:
    """A database with two wrong files."""
    folder = tmp_path / "spoilt"
    shutil.copytree(short_synthetic.directory, folder)
    (folder / "101.dat").write_bytes(b"")
    (folder / "234.atr").unlink()
    return folder


def no_network(directory: Path, sums: dict[str, str]) -> None:
    raise DownloadError("no connection (ConnectTimeout)")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit status of `python -m crossscale_data <arguments>`, run in this process."""
    monkeypatch.setattr(sys, "argv", ["crossscale_data", *map(str, arguments)])
    return command_line.main()


def run_apart(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "crossscale_data", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_info_names_the_dataset_and_prints_the_table(
    any_source: Source, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "info", "--data-dir", any_source.directory) == 0
    first, table = capsys.readouterr().out.split("\n", 1)
    assert first == f"dataset={any_source.dataset} (named by --data-dir, {any_source.directory})"
    assert table == database_table(any_source.directory) + "\n"
    assert [line.split()[0] for line in table.splitlines()[1:49]] == [str(r) for r in RECORDS]


def test_source_is_one_line_that_can_be_read(
    any_source: Source,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(any_source.directory.parent)
    assert run(monkeypatch, "source", "--data-dir", any_source.directory.name) == 0
    assert json.loads(capsys.readouterr().out) == {
        "directory": str(any_source.directory.resolve()),
        "dataset": any_source.dataset,
        "checksum": any_source.checksum,
    }


def test_verify_says_that_all_is_well(
    any_source: Source, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "verify", "--data-dir", any_source.directory) == 0
    assert capsys.readouterr().out == (
        f"all 144 files have their published SHA-256: dataset={any_source.dataset}\n"
    )


def test_verify_names_every_wrong_file(
    spoilt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "verify", "--data-dir", spoilt) == 2
    out, err = capsys.readouterr()
    assert out.splitlines() == ["101.dat: wrong checksum", "234.atr: missing"]
    assert err == f"error: 2 of the 144 files in {spoilt} are not as published\n"


def test_verify_looks_where_the_variable_points(
    home: Path,
    short_synthetic: Source,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, str(short_synthetic.directory))
    assert run(monkeypatch, "verify") == 0
    assert f"dataset=synthetic (named by {DATABASE_VARIABLE}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["info", "source", "verify", "prepare"])
def test_a_bad_folder_is_one_sentence(
    home: Path,
    spoilt: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    for folder in (spoilt, spoilt / "absent"):
        assert run(monkeypatch, command, "--data-dir", folder) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert str(folder) in err
    assert not home.exists()


def test_prepare_writes_both_views_anew(
    home: Path,
    short_synthetic: Source,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = prepared_folder(short_synthetic)
    folder.mkdir(parents=True)
    for view in VIEWS:
        (folder / f"{view}.shard").write_text("damaged")
    assert run(monkeypatch, "prepare", "--data-dir", short_synthetic.directory) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("dataset=synthetic ")
    for line, view in zip(lines[1:3], VIEWS, strict=True):
        path = folder / f"{view}.shard"
        assert line == f"{view}: {path.stat().st_size / 1e6:.0f} MB in {path}"
    assert lines[3].startswith("prepared in ")
    assert len(load_beats(short_synthetic).label) > 3000


def test_prepare_without_removing_the_baseline_writes_elsewhere(
    home: Path, short_synthetic: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--data-dir", short_synthetic.directory, "--no-baseline-removed")
    assert run(monkeypatch, "prepare", *options) == 0
    assert not prepared_folder(short_synthetic).exists()
    shards = {path.name for path in prepared_folder(short_synthetic, False).glob("*.shard")}
    assert shards == {"beats.shard", "windows.shard"}
    assert len(load_beats(short_synthetic, False).label) > 3000


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    home: Path,
    short_synthetic: Source,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert run(monkeypatch, "prepare", "--data-dir", short_synthetic.directory) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: the disk is full at {home}{os.sep}")
    assert said.endswith(": make room and run again\n")
    assert list(prepared_folder(short_synthetic).iterdir()) == []


def test_fetch_synthetic_makes_one_once(
    home: Path,
    short_synthetic: Source,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = []

    def copy(directory: Path) -> None:
        made.append(directory)
        shutil.copytree(short_synthetic.directory, directory)

    monkeypatch.setattr(synthetic, "generate", copy)
    for _ in range(2):
        assert run(monkeypatch, "fetch", "--synthetic") == 0
        out = capsys.readouterr().out
        assert out == f"dataset=synthetic (made here, {home / 'synthetic'})\n"
    assert made == [home / "synthetic"]
    (home / "synthetic" / "100.dat").write_bytes(b"")
    assert run(monkeypatch, "fetch", "--synthetic") == 2
    assert "100.dat has the wrong checksum; remove the folder" in capsys.readouterr().err


def test_fetch_downloads_unless_it_is_there(
    home: Path,
    like_mitdb: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command_line, "download", lambda to, sums: shutil.copytree(like_mitdb, to))
    assert run(monkeypatch, "fetch") == 0
    assert capsys.readouterr().out == f"dataset=mitdb (cached, {home / 'mitdb'})\n"
    monkeypatch.setattr(command_line, "download", no_network)
    assert run(monkeypatch, "fetch") == 0


@pytest.mark.parametrize("interrupted_before", [False, True])
def test_fetch_mends_a_damaged_copy_keeping_what_is_right(
    home: Path, like_mitdb: Path, monkeypatch: pytest.MonkeyPatch, interrupted_before: bool
) -> None:
    cached, partial = home / "mitdb", home / "mitdb.partial"
    shutil.copytree(like_mitdb, cached)
    (cached / "100.dat").write_bytes(b"")
    kept = (cached / "101.dat").stat().st_ino
    if interrupted_before:
        partial.mkdir()
        (partial / "100.hea").write_text("half a hea")

    def mend(directory: Path, sums: dict[str, str]) -> None:
        assert not directory.exists()
        shutil.copy(like_mitdb / "100.dat", partial)
        partial.rename(directory)

    monkeypatch.setattr(command_line, "download", mend)
    assert run(monkeypatch, "fetch") == 0
    assert (cached / "101.dat").stat().st_ino == kept
    assert not partial.exists()


def test_fetch_holds_the_lock_that_every_run_asks_for(
    home: Path, like_mitdb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(directory: Path, sums: dict[str, str]) -> None:
        with pytest.raises(TimeoutError):
            source.database_lock().acquire(timeout=0)
        shutil.copytree(like_mitdb, directory)

    monkeypatch.setattr(command_line, "download", look)
    assert run(monkeypatch, "fetch") == 0
    with source.database_lock().acquire(timeout=0) as lock:
        assert lock.is_locked


def test_fetch_without_a_connection_is_one_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "fetch") == 2
    assert capsys.readouterr() == ("", "error: no connection (ConnectTimeout)\n")
    assert not (home / "mitdb").exists()


def test_as_a_program_it_works_on_the_named_database(short_synthetic: Source) -> None:
    done = run_apart("info", "--data-dir", short_synthetic.directory)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("dataset=synthetic ")
    assert len(done.stdout.splitlines()) == 1 + 1 + 48 + 5


def test_as_a_program_it_ends_in_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    done = run_apart("verify", "--data-dir", tmp_path / "absent")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: there is no folder {tmp_path / 'absent'}: name one that exists\n"


def test_help_lists_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run(monkeypatch, "--help")
    assert left.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("fetch", "verify", "info", "prepare"))


@pytest.mark.parametrize("arguments", [[], ["destroy"], ["info", "--no-such-option"]])
def test_a_command_line_that_cannot_be_understood_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run(monkeypatch, *arguments)
    assert left.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
