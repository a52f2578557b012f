"""What the classifier sees of a beat: waveforms scaled by the patient's own, and RR context.

Nothing here looks at a label or at another patient: a record's references (its median beat, its
amplitude, its RR intervals) come from its own signal and R positions.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossscale_data.beats import BEAT_SAMPLES
from crossscale_data.errors import DataError
from crossscale_data.prepared import Beats
from crossscale_data.rr_context import RrReference, rr_context

DECIMATION = 3  # 360 Hz to 120 Hz: QRS energy lies below 40 Hz


@dataclass(frozen=True)
class BeatInputs:
    """Rows that a classifier trains on or is scored on."""

    waveform: npt.NDArray[np.float32]  # [n, channels, BEAT_SAMPLES / DECIMATION]
    context: npt.NDArray[np.float32]  # [n, context features]
    label: npt.NDArray[np.uint8]  # [n], index into CLASSES
    record: npt.NDArray[np.int16]  # [n]


def beat_inputs(beats: Beats, rr_reference: RrReference = "record") -> BeatInputs:
    """The inputs of every beat, record by record.

    Args:
        beats: the prepared view.
        rr_reference: what RR intervals are compared with: the `record`'s whole (looks ahead in
            time), or only intervals before the beat (`causal`).
    """
    parts = [
        (
            record_waveforms(beats.signal[rows], beats.rr_previous_s[rows]),
            rr_context(beats.rr_previous_s[rows], beats.rr_next_s[rows], rr_reference),
        )
        for rows in _rows_of_records(beats.record)
    ]
    return BeatInputs(
        waveform=np.concatenate([waveform for waveform, _ in parts]),
        context=np.concatenate([context for _, context in parts]),
        label=np.array(beats.label),
        record=np.array(beats.record),
    )


def select(inputs: BeatInputs, records: Iterable[int]) -> BeatInputs:
    """The rows of those records, in order.

    Raises:
        DataError: a record has no rows.
    """
    wanted = list(records)
    if absent := set(wanted) - set(np.unique(inputs.record).tolist()):
        raise DataError(f"the inputs hold no beat of record {min(absent)}")
    rows = np.isin(inputs.record, wanted)
    return BeatInputs(
        inputs.waveform[rows], inputs.context[rows], inputs.label[rows], inputs.record[rows]
    )


def record_waveforms(
    signal_mv: npt.NDArray[np.float32], rr_previous_s: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """MLII of one record's beats and its difference from their median beat, both in units of the
    record's median beat height: float32 [beats, 2, BEAT_SAMPLES / DECIMATION].

    The median beat is that of the half of beats whose RR interval is the most usual.
    """
    length = BEAT_SAMPLES // DECIMATION
    beat = signal_mv[:, 0].reshape(-1, length, DECIMATION).mean(axis=2)
    unusual = np.abs(rr_previous_s - np.median(rr_previous_s))
    template = np.median(beat[unusual <= np.median(unusual)], axis=0)
    height = np.median(np.ptp(beat, axis=1))
    if not height > 0:
        raise DataError("a record's MLII is flat: its file is damaged")
    return (np.stack([beat, beat - template], axis=1) / height).astype(np.float32)


def _rows_of_records(record: npt.NDArray[np.int16]) -> list[slice]:
    starts = np.flatnonzero(np.diff(record, prepend=-1))
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(record)], strict=True)]
