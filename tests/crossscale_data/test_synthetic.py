"""The synthetic database: MIT-BIH's files and beats, physiologic signals, whole or not there."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import wfdb

from crossscale_data import synthetic
from crossscale_data.checksums import SYNTHETIC_MARKER, file_sha256
from crossscale_data.errors import DataError
from crossscale_data.labels import CLASSES, beat_classes
from crossscale_data.records import DS1, DS2, PACED, RECORDS
from crossscale_data.source import check_source
from crossscale_data.synthetic import database
from crossscale_data.wfdb_files import EcgRecord, read_record

SECONDS = 180.0
SHARE = SECONDS / synthetic.FULL_LENGTH_S
# Counted from MIT-BIH's own annotations: N, S, V, F, Q.
TOTALS = {
    DS1: (45866, 944, 3788, 415, 8),
    DS2: (44259, 1837, 3221, 388, 7),
    PACED: (506, 0, 227, 0, 8028),
}
N, S, V = (CLASSES.index(name) for name in "NSV")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of three-minute records."""
    made = tmp_path_factory.mktemp("synthetic") / "database"
    synthetic.generate(made, seed=3, seconds=SECONDS, progress=False)
    return made


@pytest.fixture(scope="module")
def records(folder: Path) -> dict[int, EcgRecord]:
    return {record: read_record(folder, record) for record in RECORDS}


def main_lead(record: EcgRecord) -> npt.NDArray[np.float32]:
    return record.signal_mv[record.lead_order()[0]]


def mean_beat(
    signal_mv: npt.NDArray[np.float32], at: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Median of the beats from 250 ms before to 400 ms after R, its own mean taken off."""
    inside = at[(at > 90) & (at < len(signal_mv) - 144)]
    beat = np.median([signal_mv[i - 90 : i + 144] for i in inside], axis=0)
    return np.asarray(beat - beat.mean(), np.float64)


def test_wfdb_reads_every_record_as_one_of_mitdb(folder: Path) -> None:
    for number in RECORDS:
        header = wfdb.rdrecord(str(folder / str(number)), physical=False)
        assert (header.n_sig, header.fs, header.sig_len) == (2, 360, round(SECONDS * 360))
        assert header.fmt == ["212", "212"]
        assert header.units == ["mV", "mV"]
        assert header.adc_gain == [200.0, 200.0]
        assert header.baseline == header.adc_zero == [1024, 1024]
        assert header.adc_res == [11, 11]
        assert "SYNTHETIC" in header.comments[0]


def test_leads_are_where_mitdb_has_them(records: dict[int, EcgRecord]) -> None:
    exceptions = {
        100: ("MLII", "V5"),
        102: ("V5", "V2"),
        103: ("MLII", "V2"),
        104: ("V5", "V2"),
        114: ("V5", "MLII"),
        117: ("MLII", "V2"),
        123: ("MLII", "V5"),
        124: ("MLII", "V4"),
    }
    for number, record in records.items():
        assert record.leads == exceptions.get(number, ("MLII", "V1"))


@pytest.mark.parametrize("split", TOTALS)
def test_class_proportions_are_mitdbs(
    records: dict[int, EcgRecord], split: tuple[int, ...]
) -> None:
    counts = sum(np.bincount(records[number].beat_class, minlength=5) for number in split)
    expected = np.array(TOTALS[split]) * SHARE
    np.testing.assert_allclose(counts, expected, rtol=0.15, atol=4)


def test_the_record_like_232_is_mostly_supraventricular(records: dict[int, EcgRecord]) -> None:
    assert (records[232].beat_class == S).mean() > 0.6
    in_ds2 = sum((records[number].beat_class == S).sum() for number in DS2)
    assert (records[232].beat_class == S).sum() > 0.6 * in_ds2


def test_everything_but_beats_occurs_too_and_is_no_beat(folder: Path) -> None:
    symbols: Counter[str] = Counter()
    rhythms: Counter[str] = Counter()
    for number in RECORDS:
        annotation = wfdb.rdann(str(folder / str(number)), "atr")
        assert (np.diff(annotation.sample) > 0).all()
        assert annotation.symbol[0] == "+"
        symbols.update(annotation.symbol)
        rhythms.update(text for text in annotation.aux_note if text.startswith("("))
    assert set('+~|x[!]"') <= set(symbols)
    assert {"(N", "(AFIB", "(B", "(T", "(VT", "(SVTA", "(VFL", "(P"} <= set(rhythms)
    assert symbols["["] == symbols["]"]
    assert (beat_classes(list('+~|x[!]"'), "here") == -1).all()


def test_supraventricular_beats_are_early_and_come_on_narrow_pauses(
    records: dict[int, EcgRecord],
) -> None:
    for number in (100, 118, 209, 220):
        before, after = ratios_of_lone(records[number], S)
        assert np.median(before) < 0.85
        assert 0.95 < np.median(after) < 1.3
        assert np.median(before + after) < 1.95  # the sinus node is reset: not compensated


def test_ventricular_beats_are_early_and_the_pause_compensates(
    records: dict[int, EcgRecord],
) -> None:
    for number in (105, 116, 119, 214, 228):
        before, after = ratios_of_lone(records[number], V)
        assert np.median(before) < 0.8
        assert np.median(after) > 1.2
        assert np.median(before + after) == pytest.approx(2.0, abs=0.15)


def ratios_of_lone(
    record: EcgRecord, beat_class: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """RR before and after beats of that class between two N, over the median N-N interval."""
    classes, rr = record.beat_class, np.diff(record.beat_sample)
    normal = np.median(rr[(classes[1:] == N) & (classes[:-1] == N)])
    lone = (classes[:-2] == N) & (classes[1:-1] == beat_class) & (classes[2:] == N)
    assert lone.sum() >= 2
    return rr[:-1][lone] / normal, rr[1:][lone] / normal


def test_ventricular_beats_are_wider_than_normal_ones(records: dict[int, EcgRecord]) -> None:
    for number in (106, 119, 200, 208, 221, 233):
        record = records[number]
        width = {
            name: (np.abs(np.diff(beat[54:126])) > 0.25 * np.abs(np.diff(beat[54:126])).max()).sum()
            for name in (N, V)
            for beat in [
                mean_beat(main_lead(record), record.beat_sample[record.beat_class == name])
            ]
        }
        assert width[V] > 1.3 * width[N]


def test_annotations_stand_on_the_r_peak(records: dict[int, EcgRecord]) -> None:
    for number, record in records.items():
        lead = main_lead(record)
        beats = record.beat_sample[record.beat_class == N]
        beats = beats[(beats > 72) & (beats < len(lead) - 72)]
        if number in PACED or len(beats) < 20:
            continue
        around = np.stack([lead[i - 36 : i + 37] for i in beats])
        level = np.stack([np.median(lead[i - 72 : i + 72]) for i in beats])
        peak = np.abs(around - level[:, None]).argmax(axis=1) - 36
        assert np.mean(np.abs(peak) <= 5) > 0.85, f"record {number}"


def test_amplitudes_are_physiologic_and_nothing_clips(records: dict[int, EcgRecord]) -> None:
    heights = []
    for record in records.values():
        assert np.abs(record.signal_mv).max() < 5.0  # the range ends at 5.12 mV
        for lead in record.signal_mv:
            assert abs(np.median(lead)) < 0.5
            beat = mean_beat(lead, record.beat_sample)
            heights.append(np.ptp(beat))
    assert min(heights) > 0.1
    assert max(heights) < 6.0
    assert 0.8 < np.median(heights) < 3.0


def test_patients_differ_more_than_a_patients_own_halves(records: dict[int, EcgRecord]) -> None:
    halves = []
    for number in DS1 + DS2:
        record = records[number]
        normal = record.beat_sample[record.beat_class == N]
        early, late = np.array_split(normal, 2)
        halves.append((mean_beat(main_lead(record), early), mean_beat(main_lead(record), late)))
    first = np.array([early / np.linalg.norm(early) for early, _ in halves])
    second = np.array([late / np.linalg.norm(late) for _, late in halves])
    correlation = first @ second.T
    own = np.diag(correlation)
    others = correlation[~np.eye(len(halves), dtype=bool)]
    assert np.median(own) > 0.98
    assert np.median(others) < 0.85
    assert np.mean(correlation.argmax(axis=1) == np.arange(len(halves))) > 0.8


def test_the_marker_sums_every_file_and_the_source_is_accepted(folder: Path) -> None:
    marker = json.loads((folder / SYNTHETIC_MARKER).read_text())
    files = {path.name for path in folder.iterdir()} - {SYNTHETIC_MARKER}
    assert files == {f"{record}.{suffix}" for record in RECORDS for suffix in ("hea", "dat", "atr")}
    assert marker["sha256"] == {name: file_sha256(folder / name) for name in files}
    assert marker["generator_version"] == synthetic.GENERATOR_VERSION
    assert marker["seed"] == 3
    assert check_source(folder, "here").dataset == "synthetic"


def test_the_seed_makes_the_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        np.random.seed(ord(name))  # noqa: NPY002 - the global state must not matter
        synthetic.generate(tmp_path / name, seed=seed, seconds=10.0, progress=False)
    content = {
        name: {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in "abc"
    }
    assert content["a"] == content["b"]
    for record in RECORDS:
        assert content["a"][f"{record}.dat"] != content["c"][f"{record}.dat"]


@pytest.mark.parametrize("fault", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interruption_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    write = database.write_record

    def fail_at_117(directory: Path, record: int, seed: int, samples: int) -> None:
        if record == 117:
            raise fault
        write(directory, record, seed, samples)

    monkeypatch.setattr(database, "write_record", fail_at_117)
    with pytest.raises(type(fault)):
        synthetic.generate(tmp_path / "database", seconds=10.0, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_is_told_as_such(tmp_path: Path) -> None:
    """numpy tells a write that came to less than was asked for without an error's number."""
    program = (
        "import resource, signal, sys; from pathlib import Path;"
        "from crossscale_data import synthetic\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    synthetic.generate(Path(sys.argv[1]), seconds=10.0, progress=False)\n"
        "except OSError as error:\n"
        "    print(error.errno, error.filename)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "database")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [str(errno.ENOSPC), str(tmp_path / "database.partial/100.dat")]
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_makes_no_folder_and_the_next_one_does(tmp_path: Path) -> None:
    made, partial = tmp_path / "database", tmp_path / "database.partial"
    program = (
        "import sys; from pathlib import Path; from crossscale_data import synthetic;"
        "synthetic.generate(Path(sys.argv[1]), progress=False)"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(made)])
    try:
        deadline = time.monotonic() + 60
        while len(list(partial.glob("*.dat"))) < 2:
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert not made.exists()
    synthetic.generate(made, seconds=10.0, progress=False)
    assert check_source(made, "here").dataset == "synthetic"
    assert not partial.exists()


def test_a_folder_with_something_in_it_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        synthetic.generate(tmp_path, seconds=10.0, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize("seconds", [9.9, 0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_length_is_refused(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(DataError, match="give 10 s or more"):
        synthetic.generate(tmp_path / "database", seconds=seconds, progress=False)


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give 0 or more"):
        synthetic.generate(tmp_path / "database", seed=-1, progress=False)


@pytest.mark.slow
def test_a_full_length_database_has_mitdbs_counts(tmp_path: Path) -> None:
    made = tmp_path / "database"
    synthetic.generate(made, progress=False)
    for split, expected in TOTALS.items():
        counts = np.zeros(len(CLASSES), int)
        for number in split:
            record = read_record(made, number)
            assert record.signal_mv.shape == (2, 650_000)
            assert np.abs(record.signal_mv).max() < 5.0
            counts += np.bincount(record.beat_class, minlength=len(CLASSES))
        assert tuple(counts) == expected
