"""The classifier's inputs as one memory-mapped file: a float32 row a beat, ready to be fed.

A row is the beat's waveform, channel by channel, then its context: what `classifier_inputs` makes,
in the order of the beats view. The file is written on first use, from that view, and lies beside
it: one for each RR reference.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock
from torch import Tensor

from crossscale_data.beats import BEAT_SAMPLES
from crossscale_data.classifier_inputs import (
    DECIMATION,
    WAVEFORM_CHANNELS,
    inputs_by_record,
)
from crossscale_data.code_crc import code_crc
from crossscale_data.errors import DataError
from crossscale_data.prepared import MADE_BY, load_beats, prepared_folder
from crossscale_data.rr_context import CONTEXT_FEATURES, RrReference
from crossscale_data.shard import new_shard, open_shard
from crossscale_data.source import Source

WaveformShape = tuple[int, int]  # channels, samples

_SHAPE: WaveformShape = (WAVEFORM_CHANNELS, BEAT_SAMPLES // DECIMATION)


@dataclass(frozen=True)
class PackedInputs:
    """What a classifier sees of each beat, in one row."""

    rows: npt.NDArray[np.float32]  # [n, channels * samples + context features]
    label: npt.NDArray[np.uint8]  # [n], index into CLASSES
    record: npt.NDArray[np.int16]  # [n]
    waveform_shape: WaveformShape

    @property
    def context_features(self) -> int:
        """Length of a beat's context."""
        return int(self.rows.shape[1]) - math.prod(self.waveform_shape)


def load_packed_inputs(source: Source, rr_reference: RrReference) -> PackedInputs:
    """The inputs of every beat of a database, packed first if need be; the rows stay on disk.

    Raises:
        DataError: a source file is bad, or a prepared file is truncated, stale or foreign.
    """
    path = prepared_folder(source) / f"inputs-{rr_reference}.shard"
    about = _about(source, rr_reference)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.parent / "inputs.lock"):  # a run beside this one may want them too
            if not path.exists():
                _write(source, rr_reference, path, about)
    arrays = open_shard(path, about).arrays
    # A plain view of the map: np.memmap's own indexing costs more than the row it fetches.
    return PackedInputs(
        rows=np.asarray(arrays["rows"]),
        label=np.array(arrays["label"]),
        record=np.array(arrays["record"]),
        waveform_shape=_SHAPE,
    )


def inputs_code() -> dict[str, int]:
    """Which code makes the inputs, and the view that they are made from: CRCs by name."""
    return {
        "code": code_crc(("classifier_inputs", "rr_context")),
        "beats_code": code_crc(MADE_BY),
    }


def unpack(rows: Tensor, waveform_shape: WaveformShape) -> tuple[Tensor, Tensor]:
    """Waveforms [B, channels, samples] and contexts [B, features] of rows [B, row]: views."""
    split = math.prod(waveform_shape)
    return rows[:, :split].unflatten(1, waveform_shape), rows[:, split:]


def rows_of_records(inputs: PackedInputs, records: Iterable[int]) -> npt.NDArray[np.int64]:
    """Which rows are of those records, ascending, int64 [n].

    Raises:
        DataError: a record has no row.
    """
    wanted = list(records)
    if absent := set(wanted) - set(np.unique(inputs.record).tolist()):
        raise DataError(f"the inputs hold no beat of record {min(absent)}")
    return np.flatnonzero(np.isin(inputs.record, wanted))


def _write(source: Source, rr_reference: RrReference, path: Path, about: dict[str, Any]) -> None:
    beats = load_beats(source)
    split = math.prod(_SHAPE)
    count = len(beats.label)
    specs = {
        "rows": ("<f4", (count, split + CONTEXT_FEATURES)),
        "label": ("u1", (count,)),
        "record": ("<i2", (count,)),
    }
    with new_shard(path, about, specs) as arrays:
        for rows, waveform, context in inputs_by_record(beats, rr_reference):
            arrays["rows"][rows, :split] = waveform.reshape(len(waveform), split)
            arrays["rows"][rows, split:] = context
            if not np.isfinite(arrays["rows"][rows]).all():
                raise DataError(
                    f"record {beats.record[rows.start]} has an input that is not a number: "
                    "its prepared beats are damaged; remove the folder of the prepared files"
                )
        arrays["label"][:] = beats.label
        arrays["record"][:] = beats.record


def _about(source: Source, rr_reference: RrReference) -> dict[str, Any]:
    return {
        "view": "classifier inputs",
        "dataset": source.dataset,
        "source_checksum": source.checksum,
        "rr_reference": rr_reference,
        "waveform_shape": list(_SHAPE),
        "context_features": CONTEXT_FEATURES,
        **inputs_code(),
    }
