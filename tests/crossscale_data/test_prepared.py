"""Both views hold what the records hold, and are prepared once, whole, or not at all."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import wfdb

from crossscale_data import code_crc
from crossscale_data.baseline import remove_baseline
from crossscale_data.errors import DataError
from crossscale_data.labels import CLASSES, SEVERITY
from crossscale_data.prepared import (
    VIEWS,
    Beats,
    Windows,
    load_beats,
    load_windows,
    prepare,
    prepared_folder,
)
from crossscale_data.records import DS1, DS2, PACED
from crossscale_data.shard import open_shard
from crossscale_data.source import HOME_VARIABLE, Source
from crossscale_data.wfdb_files import read_beats, read_record, record_samples

LOAD: dict[str, Callable[..., Windows | Beats]] = {"windows": load_windows, "beats": load_beats}
# 114: leads swapped. 124: V4 second. 207: flutter. 213: every class. 232: long pauses.
LOOKED_AT = (100, 114, 124, 207, 213, 232)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which nothing is prepared yet."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def spoilable(short_synthetic: Source, tmp_path: Path) -> Source:
    """A copy of the short database that a test may spoil."""
    folder = tmp_path / "spoilable"
    shutil.copytree(short_synthetic.directory, folder)
    return Source(folder, "synthetic", "spoilable", "copied for a test")


def rows_of(view: Windows | Beats, record: int) -> slice:
    rows = np.flatnonzero(view.record == record)
    return slice(rows[0], rows[-1] + 1)


def mlii_first(source: Source, record: int, baseline_removed: bool) -> Iterator[np.ndarray]:
    """The record's leads as the views must hold them, named MLII before the other."""
    ecg = read_record(source.directory, record)
    for name in ["MLII", *(name for name in ecg.leads if name != "MLII")]:
        lead = ecg.signal_mv[ecg.leads.index(name)]
        yield remove_baseline(lead) if baseline_removed else lead


@pytest.mark.parametrize("view", VIEWS)
def test_rows_are_patient_by_patient_without_the_paced(any_source: Source, view: str) -> None:
    record = LOAD[view](any_source).record
    assert (np.diff(record) >= 0).all()
    assert np.unique(record).tolist() == sorted(DS1 + DS2)
    assert not np.isin(record, PACED).any()


def test_beats_have_the_annotations_labels_places_and_intervals(any_source: Source) -> None:
    beats = load_beats(any_source)
    assert (beats.signal.dtype, beats.signal.shape[1:]) == (np.float32, (2, 324))
    assert isinstance(beats.signal, np.memmap)
    assert len(beats.signal) == len(beats.label)
    for record in np.unique(beats.record):
        rows = rows_of(beats, record)
        length = record_samples(any_source.directory, record)
        sample, beat_class = read_beats(any_source.directory, record, length)
        np.testing.assert_array_equal(beats.sample[rows], sample)
        np.testing.assert_array_equal(beats.label[rows], beat_class)
        rr_s = np.diff(sample) / 360
        np.testing.assert_allclose(beats.rr_previous_s[rows], [rr_s[0], *rr_s], rtol=1e-6)
        np.testing.assert_allclose(beats.rr_next_s[rows], [*rr_s, rr_s[-1]], rtol=1e-6)


@pytest.mark.parametrize("baseline_removed", [True, False])
def test_beats_are_cuts_of_both_leads_with_mlii_first(
    any_source: Source, baseline_removed: bool
) -> None:
    beats = load_beats(any_source, baseline_removed)
    for record in LOOKED_AT:
        rows = rows_of(beats, record)
        for lead, signal_mv in enumerate(mlii_first(any_source, record, baseline_removed)):
            around_r = beats.sample[rows, None] + np.arange(-144, 180)
            expected = signal_mv[around_r.clip(0, len(signal_mv) - 1)]
            np.testing.assert_array_equal(beats.signal[rows, lead], expected)


def labels_by_definition(
    sample: npt.NDArray[np.int64], beat_class: npt.NDArray[np.int8], starts: range
) -> npt.NDArray[np.int64]:
    """The worst class among the beats whose R lies in each window; -1 where there is none."""
    labels = []
    for start in starts:
        inside = slice(*np.searchsorted(sample, [start, start + 500]))
        names = [CLASSES[i] for i in beat_class[inside]]
        labels.append(CLASSES.index(max(names, key=SEVERITY.index)) if names else -1)
    return np.array(labels)


@pytest.mark.parametrize("baseline_removed", [True, False])
def test_windows_are_labelled_cuts_lead_by_lead_with_mlii_first(
    any_source: Source, baseline_removed: bool
) -> None:
    windows = load_windows(any_source, baseline_removed)
    assert (windows.samples.dtype, windows.samples.shape[1:]) == (np.float32, (500,))
    assert isinstance(windows.samples, np.memmap)
    for record in LOOKED_AT:
        rows = rows_of(windows, record)
        length = record_samples(any_source.directory, record)
        starts = range(0, length - 500 + 1, 250)
        labels = labels_by_definition(*read_beats(any_source.directory, record, length), starts)
        kept = np.flatnonzero(labels >= 0)
        np.testing.assert_array_equal(windows.lead[rows], np.repeat([0, 1], len(kept)))
        np.testing.assert_array_equal(windows.label[rows], np.tile(labels[kept], 2))
        cuts = [
            signal_mv[starts[i] : starts[i] + 500]
            for signal_mv in mlii_first(any_source, record, baseline_removed)
            for i in kept
        ]
        np.testing.assert_array_equal(windows.samples[rows], np.stack(cuts))


def test_mitdb_has_its_known_beats(mitdb: Source) -> None:
    beats = load_beats(mitdb)
    in_ds1 = np.isin(beats.record, DS1)
    assert len(beats.label) == 100_733
    assert np.bincount(beats.label[in_ds1]).tolist() == [45866, 944, 3788, 415, 8]
    assert np.bincount(beats.label[~in_ds1]).tolist() == [44259, 1837, 3221, 388, 7]
    assert (in_ds1.sum(), (~in_ds1).sum()) == (51_021, 49_712)


def test_the_second_load_only_opens(own_home: Path, short_synthetic: Source) -> None:
    first = load_beats(short_synthetic)
    folder = prepared_folder(short_synthetic)
    assert own_home in folder.parents
    stamps = {view: (folder / f"{view}.shard").stat() for view in VIEWS}  # both from one pass
    second = load_beats(short_synthetic)
    load_windows(short_synthetic)
    for view, before in stamps.items():
        after = (folder / f"{view}.shard").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    np.testing.assert_array_equal(first.signal, second.signal)
    assert second.source == short_synthetic


def test_databases_and_baselines_are_kept_apart(short_synthetic: Source) -> None:
    other = Source(short_synthetic.directory, "synthetic", "0123456789abcdef", "elsewhere")
    real = Source(short_synthetic.directory, "mitdb", short_synthetic.checksum, "elsewhere")
    folders = {prepared_folder(s, b) for s in (short_synthetic, other, real) for b in (True, False)}
    assert len(folders) == 6
    removed, raw = load_beats(short_synthetic), load_beats(short_synthetic, False)
    assert not np.array_equal(removed.signal, raw.signal)
    np.testing.assert_array_equal(removed.sample, raw.sample)


@pytest.mark.parametrize("view", VIEWS)
def test_a_truncated_or_stale_file_is_refused(
    own_home: Path, short_synthetic: Source, view: str
) -> None:
    LOAD[view](short_synthetic)
    LOAD[view](short_synthetic, False)
    path = prepared_folder(short_synthetic) / f"{view}.shard"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=f"{view}.shard holds .* truncated"):
        LOAD[view](short_synthetic)
    shutil.copy(prepared_folder(short_synthetic, False) / f"{view}.shard", path)
    with pytest.raises(DataError, match=f"{view}.shard is stale: .*baseline_removed=False"):
        LOAD[view](short_synthetic)
    path.unlink()
    assert len(LOAD[view](short_synthetic).label) > 0


@pytest.mark.parametrize(
    "module", ["baseline", "beats", "labels", "prepared", "records", "wfdb_files", "windows"]
)
def test_other_code_makes_views_of_its_own_and_refuses_those_of_another(
    own_home: Path,
    short_synthetic: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
) -> None:
    for view in VIEWS:
        LOAD[view](short_synthetic)
    package = tmp_path / "crossscale_data"
    shutil.copytree(Path(code_crc.__file__).parent, package)
    monkeypatch.setattr(code_crc, "_FOLDER", package)
    for view in VIEWS:
        LOAD[view](short_synthetic)
    before = prepared_folder(short_synthetic)
    with (package / f"{module}.py").open("a") as file:
        file.write("SOMETHING = 'else'\n")
    assert prepared_folder(short_synthetic) != before
    shutil.copytree(before, prepared_folder(short_synthetic))
    for view in VIEWS:
        with pytest.raises(DataError, match=f"{view}.shard is stale: it was prepared with code="):
            LOAD[view](short_synthetic)


def test_chosen_records_alone_are_prepared(short_synthetic: Source, tmp_path: Path) -> None:
    prepare(short_synthetic, tmp_path, records=(106, 114), progress=False)
    whole = load_beats(short_synthetic)
    part = open_shard(tmp_path / "beats.shard", {"dataset": "synthetic"}).arrays
    assert np.unique(part["record"]).tolist() == [106, 114]
    np.testing.assert_array_equal(part["signal"], whole.signal[np.isin(whole.record, [106, 114])])


LOAD_PROGRAM = """
import os, signal, sys
from pathlib import Path
from crossscale_data import prepared
from crossscale_data.source import Source

prepare, read_record = prepared.prepare, prepared.read_record

def noted_prepare(*arguments):
    print("prepares")
    prepare(*arguments)

def fatal_read(directory, record):
    if record == 117:
        os.kill(os.getpid(), signal.SIGKILL)
    return read_record(directory, record)

prepared.prepare = noted_prepare
if sys.argv[3] == "killed":
    prepared.read_record = fatal_read
print("ready", flush=True)
sys.stdin.readline()
print(len(prepared.load_beats(Source(Path(sys.argv[1]), "synthetic", sys.argv[2], "here")).label))
"""


def loader(source: Source, fate: str) -> subprocess.Popen[str]:
    """A process that loads the beats once it is sent a line."""
    pipe = subprocess.PIPE
    arguments = [str(source.directory), source.checksum, fate]
    return subprocess.Popen(
        [sys.executable, "-c", LOAD_PROGRAM, *arguments],
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_two_processes_prepare_once(own_home: Path, short_synthetic: Source) -> None:
    children = [loader(short_synthetic, "lives") for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.communicate(timeout=60)[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    rows = str(len(load_beats(short_synthetic).label))
    assert sorted(said) == [[rows], ["prepares", rows]]


def test_a_killed_preparation_leaves_nothing_that_is_taken(
    own_home: Path, short_synthetic: Source
) -> None:
    child = loader(short_synthetic, "killed")
    child.communicate("\n", timeout=60)
    assert child.returncode == -signal.SIGKILL
    folder = prepared_folder(short_synthetic)
    assert not any((folder / f"{view}.shard").exists() for view in VIEWS)
    prepare(short_synthetic, own_home / "reference", progress=False)
    load_windows(short_synthetic)
    for view in VIEWS:
        whole = (own_home / "reference" / f"{view}.shard").read_bytes()
        assert (folder / f"{view}.shard").read_bytes() == whole


def mark_missing(folder: Path) -> None:
    """Record 200 rewritten with one sample that was not digitised."""
    read = wfdb.rdrecord(str(folder / "200"), physical=False)
    read.d_signal[500, 1] = -2048
    wfdb.wrsamp(
        "200",
        fs=360,
        units=["mV", "mV"],
        sig_name=read.sig_name,
        d_signal=read.d_signal,
        fmt=["212", "212"],
        adc_gain=[200, 200],
        baseline=[1024, 1024],
        write_dir=str(folder),
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (mark_missing, "record 200 has a non-finite sample at 500"),
        (lambda folder: (folder / "234.dat").unlink(), r"234\.dat is missing"),
        (lambda folder: (folder / "200.atr").unlink(), r"200\.atr is missing"),
        (lambda folder: (folder / "200.hea").write_text(""), r"200\.hea"),
    ],
)
def test_a_bad_file_is_told_and_nothing_half_written(
    own_home: Path, spoilable: Source, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(spoilable.directory)
    for view in VIEWS:
        with pytest.raises(DataError, match=said):
            LOAD[view](spoilable)
    left = [path.name for path in prepared_folder(spoilable).iterdir()]
    assert set(left) <= {"prepare.lock"}


def test_a_failed_preparation_keeps_what_was_there(own_home: Path, spoilable: Source) -> None:
    load_beats(spoilable)
    folder = prepared_folder(spoilable)
    before = {path.name: path.read_bytes() for path in folder.glob("*.shard")}
    (spoilable.directory / "200.dat").unlink()
    with pytest.raises(DataError, match=r"200\.dat is missing"):
        prepare(spoilable, folder, progress=False)
    assert {path.name: path.read_bytes() for path in folder.glob("*.shard")} == before
    assert len(before) == 2
