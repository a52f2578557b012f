"""The published sums are all there, and every wrong file is named."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossscale_data.checksums import (
    database_checksum,
    expected_sums,
    file_sha256,
    published_sums,
    wrong_files,
)
from crossscale_data.records import RECORDS
from crossscale_data.source import Source

SUMS = st.dictionaries(
    st.text("abc.", min_size=1, max_size=6),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    min_size=1,
    max_size=5,
)


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A folder of three files, and their sums."""
    for name, content in {"a.hea": b"header", "a.dat": bytes(range(40)), "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path, {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()
    }


def test_sums_of_three_files_a_record_are_published() -> None:
    sums = published_sums()
    assert len(sums) == 144
    assert set(sums) == {
        f"{record}.{suffix}" for record in RECORDS for suffix in ("hea", "dat", "atr")
    }
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in sums.values())
    assert len(set(sums.values())) == 144


def test_the_real_database_is_as_published(mitdb: Source) -> None:
    assert wrong_files(mitdb.directory, published_sums()) == {}
    assert expected_sums(mitdb.directory) == ("mitdb", published_sums())


def test_sha256_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert file_sha256(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_missing_and_changed_files_are_named(small: tuple[Path, dict[str, str]]) -> None:
    folder, sums = small
    assert wrong_files(folder, sums) == {}
    (folder / "not listed").write_text("is nobody's business")
    (folder / "a.hea").unlink()
    (folder / "empty").write_bytes(b"\0")
    assert wrong_files(folder, sums) == {"a.hea": "missing", "empty": "wrong checksum"}
    (folder / "a.hea").mkdir()
    assert wrong_files(folder, sums)["a.hea"] == "missing"


def test_every_flipped_bit_is_found(small: tuple[Path, dict[str, str]]) -> None:
    folder, sums = small
    content = (folder / "a.dat").read_bytes()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (folder / "a.dat").write_bytes(flipped)
        assert wrong_files(folder, sums) == {"a.dat": "wrong checksum"}


def test_a_synthetic_database_brings_its_own_sums(short_synthetic: Source, tmp_path: Path) -> None:
    dataset, sums = expected_sums(short_synthetic.directory)
    assert (dataset, sums.keys()) == ("synthetic", published_sums().keys())
    folder = tmp_path / "spoilt"
    shutil.copytree(short_synthetic.directory, folder)
    (folder / "100.dat").write_bytes((folder / "101.dat").read_bytes())
    assert wrong_files(folder, expected_sums(folder)[1]) == {"100.dat": "wrong checksum"}


@given(sums=SUMS, data=st.data())
def test_the_databases_checksum_changes_with_every_sum(
    sums: dict[str, str], data: st.DataObject
) -> None:
    checksum = database_checksum(sums)
    assert re.fullmatch("[0-9a-f]{16}", checksum)
    assert database_checksum(dict(reversed(sums.items()))) == checksum
    name = data.draw(st.sampled_from(sorted(sums)))
    at = data.draw(st.integers(0, 63))
    digit = data.draw(st.sampled_from("0123456789abcdef").filter(lambda d: d != sums[name][at]))
    changed = {**sums, name: sums[name][:at] + digit + sums[name][at + 1 :]}
    without = {other: digest for other, digest in sums.items() if other != name}
    renamed = {**without, name + "_": sums[name]}
    assert checksum not in map(database_checksum, (changed, without, renamed))
