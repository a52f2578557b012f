"""What the classifier sees of a beat: waveforms scaled by the patient's own, and RR context.

Nothing here looks at a label or at another patient: a record's references (its median beat, its
amplitude, its RR intervals) come from its own signal and R positions.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossscale_data.errors import DataError
from crossscale_data.prepared import Beats
from crossscale_data.rr_context import RrReference, rr_context

DECIMATION = 3  # 360 Hz to 120 Hz: QRS energy lies below 40 Hz
CHANNELS_OF_LEAD = 2  # the beat, and its difference from the record's median beat
WAVEFORM_CHANNELS = 2 * CHANNELS_OF_LEAD
MOST_HEIGHTS = 6.0  # an electrode that comes off swings further


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
        rr_reference: what RR intervals are compared with: the `record`'s whole, or only intervals
            before the beat (`causal`). Both look ahead in time: at the two intervals after the
            beat, and, for waveforms, at the whole record's usual beats.
    """
    parts = list(inputs_by_record(beats, rr_reference))
    return BeatInputs(
        waveform=np.concatenate([waveform for _, waveform, _ in parts]),
        context=np.concatenate([context for _, _, context in parts]),
        label=np.array(beats.label),
        record=np.array(beats.record),
    )


def inputs_by_record(
    beats: Beats, rr_reference: RrReference
) -> Iterator[tuple[slice, npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Each record's rows in the view, and their waveforms and contexts as in `BeatInputs`."""
    for rows in _rows_of_records(beats.record):
        waveform = record_waveforms(beats.signal[rows], beats.rr_previous_s[rows])
        context = rr_context(beats.rr_previous_s[rows], beats.rr_next_s[rows], rr_reference)
        yield rows, waveform, context


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
    """Each lead of one record's beats, MLII first, and its difference from their median beat, in
    units of the lead's median beat height: float32 [beats, WAVEFORM_CHANNELS, BEAT_SAMPLES /
    DECIMATION].

    The median beat is that of the half of beats whose RR interval is the most usual.

    Raises:
        DataError: a lead is flat.
    """
    beats, leads, samples = signal_mv.shape
    beat = signal_mv.reshape(beats, leads, samples // DECIMATION, DECIMATION).mean(axis=3)
    unusual = np.abs(rr_previous_s - np.median(rr_previous_s))
    usual = beat[unusual <= np.median(unusual)]
    height = np.median(np.ptp(usual, axis=2), axis=0)
    if not (height > 0).all():
        raise DataError("a record's lead is flat: its file is damaged")
    both = np.stack([beat, beat - np.median(usual, axis=0)], axis=2) / height[:, None, None]
    channels = both.reshape(beats, WAVEFORM_CHANNELS, samples // DECIMATION)
    return np.clip(channels, -MOST_HEIGHTS, MOST_HEIGHTS).astype(np.float32)


def _rows_of_records(record: npt.NDArray[np.int16]) -> list[slice]:
    starts = np.flatnonzero(np.diff(record, prepend=-1))
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(record)], strict=True)]
