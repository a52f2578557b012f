"""Records are read right, and every way a file can be wrong has its own sentence."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from crossscale_data.errors import DataError
from crossscale_data.records import RECORDS, SAMPLING_HZ
from crossscale_data.source import Source
from crossscale_data.wfdb_files import decode_212, read_record, record_samples


def encode_212(digital: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """Format 212 written out byte by byte from its definition: the decoder's reference."""
    out = bytearray()
    for first, second in digital.T.tolist():
        a, b = first & 0xFFF, second & 0xFFF
        out += bytes([a & 0xFF, (a >> 8) | ((b >> 8) << 4), b & 0xFF])
    return np.frombuffer(bytes(out), np.uint8)


@given(
    st_numpy.arrays(
        np.int16, st.tuples(st.just(2), st.integers(1, 40)), elements=st.integers(-2048, 2047)
    )
)
def test_decode_212_undoes_the_encoding(digital: npt.NDArray[np.int16]) -> None:
    np.testing.assert_array_equal(decode_212(encode_212(digital)), digital)


def test_our_reader_equals_wfdb_on_all_records(any_source: Source) -> None:
    for number in RECORDS:
        name = str(any_source.directory / str(number))
        ours, theirs = read_record(any_source.directory, number), wfdb.rdrecord(name)
        assert list(ours.leads) == theirs.sig_name
        assert theirs.fs == SAMPLING_HZ
        assert ours.signal_mv.dtype == np.float32
        np.testing.assert_allclose(ours.signal_mv, theirs.p_signal.T, rtol=0, atol=1e-6)


def test_leads_come_by_name_with_mlii_first_wherever_it_is(any_source: Source) -> None:
    swapped = read_record(any_source.directory, 114)
    assert swapped.leads == ("V5", "MLII")
    assert swapped.lead_order() == [1, 0]
    for number in (102, 104):
        without = read_record(any_source.directory, number)
        assert "MLII" not in without.leads
        assert without.lead_order() == [0, 1]


@pytest.fixture
def record_100(short_synthetic: Source, tmp_path: Path) -> Path:
    """A folder with a copy of record 100 that a test may spoil."""
    for suffix in ("hea", "dat", "atr"):
        shutil.copy(short_synthetic.directory / f"100.{suffix}", tmp_path)
    return tmp_path


@pytest.mark.parametrize("suffix", ["hea", "dat", "atr"])
def test_a_missing_file_is_named(record_100: Path, suffix: str) -> None:
    (record_100 / f"100.{suffix}").unlink()
    with pytest.raises(DataError, match=f"100.{suffix} is missing"):
        read_record(record_100, 100)


def test_a_truncated_signal_is_refused(record_100: Path) -> None:
    path = record_100 / "100.dat"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"100.dat .* truncated or damaged"):
        read_record(record_100, 100)


def test_a_flipped_bit_is_caught_by_the_headers_checksum(record_100: Path) -> None:
    path = record_100 / "100.dat"
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"lead MLII does not have the checksum"):
        read_record(record_100, 100)


def test_a_sample_marked_missing_is_refused(record_100: Path) -> None:
    digital = wfdb.rdrecord(str(record_100 / "100"), physical=False).d_signal
    digital[77, 0] = -2048
    wfdb.wrsamp(
        "100",
        fs=360,
        units=["mV", "mV"],
        sig_name=["MLII", "V5"],
        d_signal=digital,
        fmt=["212", "212"],
        adc_gain=[200, 200],
        baseline=[1024, 1024],
        write_dir=str(record_100),
    )
    with pytest.raises(DataError, match=r"non-finite sample at 77 of lead MLII"):
        read_record(record_100, 100)


def write_annotations(folder: Path, samples: list[int], symbols: list[str]) -> None:
    wfdb.wrann("100", "atr", np.array(samples), symbols, write_dir=str(folder))


def test_an_annotation_past_the_end_is_refused(record_100: Path) -> None:
    length = wfdb.rdheader(str(record_100 / "100")).sig_len
    write_annotations(record_100, [100, length], ["N", "N"])
    with pytest.raises(DataError, match=f"annotation at sample {length}, outside"):
        read_record(record_100, 100)


def test_a_symbol_that_mitdb_does_not_have_is_refused(record_100: Path) -> None:
    write_annotations(record_100, [100, 400], ["N", "B"])
    with pytest.raises(DataError, match="unknown annotation symbol 'B'"):
        read_record(record_100, 100)


@pytest.mark.parametrize(
    "header", ["", "nonsense", "100 1 360 10\n100.dat 212 200\n", "100 2 250 10\n", "\xff\xfe"]
)
def test_a_header_that_is_not_mitdbs_is_refused(record_100: Path, header: str) -> None:
    (record_100 / "100.hea").write_bytes(header.encode("latin-1"))
    with pytest.raises(DataError, match=r"100.hea"):
        read_record(record_100, 100)


def test_a_header_may_not_point_to_another_file(record_100: Path) -> None:
    path = record_100 / "100.hea"
    path.write_text(path.read_text().replace("100.dat", "../100.dat"))
    with pytest.raises(DataError, match=r"100.hea"):
        read_record(record_100, 100)


@given(content=st.binary(max_size=200))
def test_a_broken_annotation_file_is_refused_or_read_never_a_crash(
    short_synthetic: Source, tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for suffix in ("hea", "dat"):
        (folder / f"100.{suffix}").symlink_to(short_synthetic.directory / f"100.{suffix}")
    (folder / "100.atr").write_bytes(content)
    try:
        record = read_record(folder, 100)
    except DataError as error:
        assert "100" in str(error)  # noqa: PT017 - either outcome is right, a crash is not
    else:
        assert (np.diff(record.beat_sample) > 0).all()


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A few bytes changed, cut out or put in, or the end missing."""
    kind = draw(st.sampled_from(["change", "cut", "insert", "truncate"]))
    share, few = draw(st.floats(0, 1)), draw(st.binary(min_size=1, max_size=8))

    def damage(content: bytes) -> bytes:
        at = int(share * len(content))
        return {
            "change": content[:at] + few + content[at + len(few) :],
            "cut": content[:at] + content[at + len(few) :],
            "insert": content[:at] + few + content[at:],
            "truncate": content[:at],
        }[kind]

    return damage


@pytest.mark.parametrize("suffix", ["hea", "dat", "atr"])
@settings(deadline=2000)  # nor a hang
@given(damage=damages())
def test_a_damaged_file_is_refused_or_read_never_a_crash(
    short_synthetic: Source,
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    damage: Callable[[bytes], bytes],
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for each in {"hea", "dat", "atr"} - {suffix}:
        (folder / f"100.{each}").symlink_to(short_synthetic.directory / f"100.{each}")
    spoilt = damage((short_synthetic.directory / f"100.{suffix}").read_bytes())
    (folder / f"100.{suffix}").write_bytes(spoilt)
    try:
        record = read_record(folder, 100)
    except DataError as error:
        assert "100" in str(error)  # noqa: PT017 - either outcome is right, a crash is not
    else:
        assert np.isfinite(record.signal_mv).all()
        assert (np.diff(record.beat_sample) > 0).all()
        assert record.beat_sample.max(initial=0) < record.signal_mv.shape[1]


def test_a_header_that_announces_a_million_million_samples_takes_no_memory(
    record_100: Path,
) -> None:
    path = record_100 / "100.hea"
    first, *others = path.read_text().splitlines()
    name, leads, rate, _, *rest = first.split()
    path.write_text("\n".join([" ".join([name, leads, rate, str(10**12), *rest]), *others]) + "\n")
    for read in (read_record, record_samples):
        with pytest.raises(DataError, match=r"100.dat .* truncated or damaged"):
            read(record_100, 100)
