"""Which database is used: named before cached before downloaded before synthetic, all checked."""

import shutil
import sys
import threading
import time
from pathlib import Path

import platformdirs
import pytest

from crossscale_data import checksums, source, synthetic
from crossscale_data.checksums import SYNTHETIC_MARKER, file_sha256
from crossscale_data.download import DownloadError
from crossscale_data.errors import DataError
from crossscale_data.source import (
    DATABASE_VARIABLE,
    HOME_VARIABLE,
    Source,
    cache_home,
    check_source,
    find_source,
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no variable, no network."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    monkeypatch.setattr(source, "download", no_network)
    return tmp_path / "home"


@pytest.fixture
def like_mitdb(short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database that passes for MIT-BIH: no marker, and its sums taken for the published ones."""
    folder = tmp_path / "like-mitdb"
    shutil.copytree(short_synthetic.directory, folder)
    (folder / SYNTHETIC_MARKER).unlink()
    sums = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    for module in (checksums, source):
        monkeypatch.setattr(module, "published_sums", lambda: sums)
    return folder


@pytest.fixture
def made(short_synthetic: Source, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders in which a synthetic database was made (copied, to save time)."""
    folders: list[Path] = []

    def copy(directory: Path) -> None:
        folders.append(directory)
        time.sleep(0.05)
        shutil.copytree(short_synthetic.directory, directory)

    monkeypatch.setattr(synthetic, "generate", copy)
    return folders


def no_network(directory: Path, sums: dict[str, str]) -> None:
    raise DownloadError("no connection (ConnectTimeout)")


def forbid_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(directory: Path, sums: dict[str, str]) -> None:
        raise AssertionError("PhysioNet was asked")

    monkeypatch.setattr(source, "download", fail)


def allow_download(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    monkeypatch.setattr(
        source, "download", lambda directory, sums: shutil.copytree(database, directory)
    )


def test_what_is_named_comes_before_what_is_cached_before_what_can_be_had(
    home: Path,
    like_mitdb: Path,
    made: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, "")  # names nothing
    got = find_source()
    assert (got.dataset, got.origin, got.directory) == (
        "synthetic",
        "made here",
        home / "synthetic",
    )

    allow_download(monkeypatch, like_mitdb)
    got = find_source()  # the cached synthetic database does not shadow the real one
    assert (got.dataset, got.origin) == ("mitdb", "downloaded from PhysioNet")
    assert got.directory == home / "mitdb"

    forbid_download(monkeypatch)
    got = find_source()
    assert (got.dataset, got.origin, got.directory) == ("mitdb", "cached", home / "mitdb")

    by_variable = tmp_path / "by-variable"
    shutil.copytree(like_mitdb, by_variable)
    monkeypatch.setenv(DATABASE_VARIABLE, str(by_variable))
    got = find_source()
    assert (got.origin, got.directory) == (f"named by {DATABASE_VARIABLE}", by_variable)

    got = find_source(home / "synthetic")
    assert (got.origin, got.directory) == ("named by --data-dir", home / "synthetic")
    assert got.dataset == "synthetic"
    assert len(made) == 1


def test_without_a_connection_a_synthetic_one_is_made_once_and_it_is_said(
    home: Path, made: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first = find_source()
    said = capsys.readouterr().err
    assert "PhysioNet was not used: no connection" in said
    assert f"making a synthetic one in {home / 'synthetic'}" in said
    assert find_source() == first
    assert made == [home / "synthetic"]
    assert "making" not in capsys.readouterr().err


def test_a_download_that_came_out_wrong_is_refused(
    home: Path, like_mitdb: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (like_mitdb / "203.atr").write_bytes(b"")
    allow_download(monkeypatch, like_mitdb)
    with pytest.raises(DataError, match=r"203\.atr has the wrong checksum"):
        find_source()


@pytest.mark.parametrize("by", ["argument", "variable"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent", "there is no folder"),
        ("file", "there is no folder"),
        ("incomplete", r"117\.atr is missing \(2 files in all\)"),
        ("damaged", r"223\.dat has the wrong checksum; `python -m crossscale_data fetch`"),
    ],
)
def test_a_named_folder_that_is_not_the_database_is_refused_whatever_else_there_is(
    home: Path,
    like_mitdb: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    name: str,
    said: str,
) -> None:
    shutil.copytree(like_mitdb, home / "mitdb")
    named = tmp_path / name
    if name == "file":
        named.write_text("")
    elif name != "absent":
        shutil.copytree(like_mitdb, named)
    if name == "incomplete":
        (named / "117.atr").unlink()
        (named / "117.dat").unlink()
    elif name == "damaged":
        content = bytearray((named / "223.dat").read_bytes())
        content[-1] ^= 1
        (named / "223.dat").write_bytes(content)
    if by == "variable":
        monkeypatch.setenv(DATABASE_VARIABLE, str(named))
    with pytest.raises(DataError, match=said) as caught:
        find_source(named if by == "argument" else None)
    assert str(named) in str(caught.value)
    assert {"argument": "--data-dir", "variable": DATABASE_VARIABLE}[by] in str(caught.value)


def test_a_damaged_cache_is_told_not_replaced(
    home: Path, like_mitdb: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(like_mitdb, home / "mitdb")
    (home / "mitdb" / "100.hea").write_text("100 2 360 650000\n")
    allow_download(monkeypatch, like_mitdb)
    with pytest.raises(DataError, match=r"100\.hea has the wrong checksum; .* fetch` gets it anew"):
        find_source()
    assert made == []


def test_a_damaged_synthetic_database_says_to_remove_it(home: Path, made: list[Path]) -> None:
    find_source()
    (home / "synthetic" / "100.dat").write_bytes(b"")
    with pytest.raises(DataError, match=r"100\.dat has the wrong checksum; remove the folder"):
        find_source()
    shutil.rmtree(home / "synthetic")
    assert find_source().dataset == "synthetic"


def test_only_the_marker_makes_it_synthetic(short_synthetic: Source, tmp_path: Path) -> None:
    assert short_synthetic.dataset == "synthetic"
    without = tmp_path / "synthetic"
    shutil.copytree(short_synthetic.directory, without)
    (without / SYNTHETIC_MARKER).unlink()
    with pytest.raises(DataError, match=r"100\.atr has the wrong checksum \(144 files in all\)"):
        check_source(without, "here")


@pytest.mark.parametrize(
    "marker",
    [
        b"",
        b"\xff\xfe",
        b'{"sha256": {"100.atr"',
        b"[]",
        b"{}",
        b'{"sha256": null}',
        b'{"sha256": ["100.atr"]}',
        b'{"sha256": {}}',
        b'{"sha256": {"100.atr": ""}}',
    ],
)
def test_a_damaged_marker_is_one_sentence(
    short_synthetic: Source, tmp_path: Path, marker: bytes
) -> None:
    folder = tmp_path / "synthetic"
    shutil.copytree(short_synthetic.directory, folder)
    (folder / SYNTHETIC_MARKER).write_bytes(marker)
    with pytest.raises(DataError, match=r"SYNTHETIC\.json is damaged .* remove the folder"):
        check_source(folder, "here")


def test_the_real_database_is_known_by_its_checksum(mitdb: Source) -> None:
    assert mitdb.dataset == "mitdb"
    assert mitdb.checksum == checksums.database_checksum(checksums.published_sums())
    assert str(mitdb).startswith(f"dataset=mitdb (named by {DATABASE_VARIABLE}, ")


def test_runs_that_come_at_once_make_one_database(home: Path, made: list[Path]) -> None:
    found: list[Source] = []
    threads = [threading.Thread(target=lambda: found.append(find_source())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == [found[0]] * 4


@pytest.mark.skipif(sys.platform != "linux", reason="the XDG variable is Linux's")
def test_the_cache_is_in_the_users_data_unless_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "mine"))
    assert cache_home() == tmp_path / "mine"
    monkeypatch.delenv(HOME_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert cache_home() == tmp_path / "xdg" / "crossscale-ecg"
    assert cache_home() == platformdirs.user_data_path("crossscale-ecg")
