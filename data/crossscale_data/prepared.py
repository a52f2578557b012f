"""Both views as memory-mapped shards: prepared on first use, opened in no time after.

Rows stand record by record (patient-contiguous), in time order inside a record (windows: lead by
lead). The four paced records are in neither view. Files lie in the cache home, under the name of
the database's checksum and of the code that made them, so that neither two databases nor two
versions ever mix; a file that was moved there from elsewhere is refused. Both views are written in
one pass over the records, because removing the baseline takes most of the time.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from tqdm import tqdm

from crossscale_data.baseline import remove_baseline
from crossscale_data.beats import BEAT_SAMPLES, SAMPLES_BEFORE_R, cut_beats, rr_intervals_s
from crossscale_data.code_crc import code_crc
from crossscale_data.records import DS1, DS2
from crossscale_data.shard import ArraySpec, Shard, new_shard, open_shard
from crossscale_data.source import Source, cache_home
from crossscale_data.wfdb_files import EcgRecord, read_beats, read_record, record_samples
from crossscale_data.windows import STRIDE_SAMPLES, WINDOW_SAMPLES, cut_windows, window_labels

VIEWS = ("windows", "beats")
# The modules whose code decides what is in a view.
MADE_BY = ("baseline", "beats", "labels", "prepared", "records", "wfdb_files", "windows")
PREPARED_RECORDS = tuple(sorted(DS1 + DS2))


@dataclass(frozen=True)
class Windows:
    """Cuts of single leads, in mV, labelled by the worst beat inside."""

    samples: npt.NDArray[np.float32]  # [n, WINDOW_SAMPLES], memory-mapped
    label: npt.NDArray[np.uint8]  # [n], index into CLASSES
    record: npt.NDArray[np.int16]  # [n]
    lead: npt.NDArray[np.uint8]  # [n], 0 = MLII, 1 = the other
    source: Source


@dataclass(frozen=True)
class Beats:
    """Single beats of both leads, in mV, R at sample `SAMPLES_BEFORE_R`."""

    signal: npt.NDArray[np.float32]  # [n, 2, BEAT_SAMPLES], memory-mapped; MLII first
    label: npt.NDArray[np.uint8]  # [n], index into CLASSES
    record: npt.NDArray[np.int16]  # [n]
    sample: npt.NDArray[np.int32]  # [n], R position in the record
    rr_previous_s: npt.NDArray[np.float32]  # [n]
    rr_next_s: npt.NDArray[np.float32]  # [n]
    source: Source


def load_windows(source: Source, baseline_removed: bool = True) -> Windows:
    """The windows view of a database, prepared first if need be.

    Raises:
        DataError: a source file is bad, or the prepared file is truncated, stale or foreign.
    """
    return Windows(**_load(source, "windows", baseline_removed).arrays, source=source)


def load_beats(source: Source, baseline_removed: bool = True) -> Beats:
    """The beats view of a database, prepared first if need be.

    Raises:
        DataError: a source file is bad, or the prepared file is truncated, stale or foreign.
    """
    return Beats(**_load(source, "beats", baseline_removed).arrays, source=source)


def prepared_folder(source: Source, baseline_removed: bool = True) -> Path:
    """Where a database's views are kept once prepared: one file a view, `<view>.shard`.

    Other code has another folder: what it makes is made beside what was there.
    """
    suffix = "" if baseline_removed else "-raw"
    name = f"{source.dataset}-{source.checksum}{suffix}-{code_crc(MADE_BY):08x}"
    return cache_home() / "prepared" / name


def prepare(
    source: Source,
    folder: Path,
    baseline_removed: bool = True,
    records: tuple[int, ...] = PREPARED_RECORDS,
    progress: bool = True,
) -> None:
    """Write both views of a database into `folder`; a view appears there whole or not at all.

    Raises:
        DataError: a source file is missing or bad.
    """
    rows = {view: _rows_of_records(source.directory, view, records) for view in VIEWS}
    about = {view: _about(source, view, baseline_removed) for view in VIEWS}
    specs = {view: _array_specs(view, rows[view][records[-1]].stop) for view in VIEWS}
    with (
        new_shard(folder / "windows.shard", about["windows"], specs["windows"]) as windows,
        new_shard(folder / "beats.shard", about["beats"], specs["beats"]) as beats,
    ):
        for record in tqdm(records, desc="preparing", unit="record", disable=not progress):
            ecg = read_record(source.directory, record)
            leads = [ecg.signal_mv[i] for i in ecg.lead_order()]
            if baseline_removed:
                leads = [remove_baseline(lead) for lead in leads]
            _fill_windows(_part(windows, rows["windows"][record]), ecg, leads)
            _fill_beats(_part(beats, rows["beats"][record]), ecg, leads)


def _load(source: Source, view: str, baseline_removed: bool) -> Shard:
    folder = prepared_folder(source, baseline_removed)
    path = folder / f"{view}.shard"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "prepare.lock"):  # the ranks of one run all come here at once
            if not path.exists():
                prepare(source, folder, baseline_removed)
    return open_shard(path, _about(source, view, baseline_removed))


def _about(source: Source, view: str, baseline_removed: bool) -> dict[str, Any]:
    return {
        "view": view,
        "arrays": sorted(_array_specs(view, 0)),
        "dataset": source.dataset,
        "source_checksum": source.checksum,
        "baseline_removed": baseline_removed,
        "window_samples": WINDOW_SAMPLES if view == "windows" else BEAT_SAMPLES,
        "position_samples": STRIDE_SAMPLES if view == "windows" else SAMPLES_BEFORE_R,
        "code": code_crc(MADE_BY),
    }


def _array_specs(view: str, rows: int) -> dict[str, ArraySpec]:
    common: dict[str, ArraySpec] = {"label": ("u1", (rows,)), "record": ("<i2", (rows,))}
    if view == "windows":
        return {
            "samples": ("<f4", (rows, WINDOW_SAMPLES)),
            **common,
            "lead": ("u1", (rows,)),
        }
    return {
        "signal": ("<f4", (rows, 2, BEAT_SAMPLES)),
        **common,
        "sample": ("<i4", (rows,)),
        "rr_previous_s": ("<f4", (rows,)),
        "rr_next_s": ("<f4", (rows,)),
    }


def _rows_of_records(directory: Path, view: str, records: tuple[int, ...]) -> dict[int, slice]:
    """Which rows of a view each record gets."""
    rows, start = {}, 0
    for record in records:
        length = record_samples(directory, record)
        beat_sample, beat_class = read_beats(directory, record, length)
        if view == "windows":
            count = 2 * int((window_labels(beat_sample, beat_class, length) >= 0).sum())
        else:
            count = len(beat_sample)
        rows[record] = slice(start, start + count)
        start += count
    return rows


def _part(arrays: dict[str, npt.NDArray[Any]], rows: slice) -> dict[str, npt.NDArray[Any]]:
    return {name: array[rows] for name, array in arrays.items()}


def _fill_windows(
    rows: dict[str, npt.NDArray[Any]], ecg: EcgRecord, leads: list[npt.NDArray[np.float32]]
) -> None:
    labels = window_labels(ecg.beat_sample, ecg.beat_class, ecg.signal_mv.shape[1])
    kept = labels >= 0
    count = int(kept.sum())
    for lead, signal_mv in enumerate(leads):
        part = slice(lead * count, (lead + 1) * count)
        rows["samples"][part] = cut_windows(signal_mv, kept)
        rows["label"][part] = labels[kept]
        rows["lead"][part] = lead
    rows["record"][:] = ecg.record


def _fill_beats(
    rows: dict[str, npt.NDArray[Any]], ecg: EcgRecord, leads: list[npt.NDArray[np.float32]]
) -> None:
    for lead, signal_mv in enumerate(leads):
        rows["signal"][:, lead] = cut_beats(signal_mv, ecg.beat_sample)
    rows["label"][:] = ecg.beat_class
    rows["record"][:] = ecg.record
    rows["sample"][:] = ecg.beat_sample
    rows["rr_previous_s"][:], rows["rr_next_s"][:] = rr_intervals_s(ecg.beat_sample)
