"""Inputs hold nothing of a label or of another patient, and are scaled by the patient's own."""

from dataclasses import replace

import numpy as np
import pytest

from crossscale_data.beats import BEAT_SAMPLES
from crossscale_data.classifier_inputs import (
    DECIMATION,
    MOST_HEIGHTS,
    WAVEFORM_CHANNELS,
    beat_inputs,
    record_waveforms,
    select,
)
from crossscale_data.errors import DataError
from crossscale_data.prepared import Beats, load_beats
from crossscale_data.records import DS1
from crossscale_data.rr_context import CONTEXT_FEATURES
from crossscale_data.source import Source

LENGTH = BEAT_SAMPLES // DECIMATION


@pytest.fixture(scope="module")
def beats(short_synthetic: Source) -> Beats:
    return load_beats(short_synthetic)


def without(beats: Beats, record: int) -> Beats:
    rows = np.asarray(beats.record) != record
    names = ("signal", "label", "record", "sample", "rr_previous_s", "rr_next_s")
    return replace(beats, **{name: np.asarray(getattr(beats, name))[rows] for name in names})


def test_there_is_a_row_a_beat_with_its_label_and_record(beats: Beats) -> None:
    inputs = beat_inputs(beats)
    assert inputs.waveform.shape == (len(beats.label), WAVEFORM_CHANNELS, LENGTH)
    assert inputs.context.shape == (len(beats.label), CONTEXT_FEATURES)
    assert inputs.waveform.dtype == inputs.context.dtype == np.float32
    np.testing.assert_array_equal(inputs.label, beats.label)
    np.testing.assert_array_equal(inputs.record, beats.record)


def test_a_record_looks_the_same_whoever_else_is_there(beats: Beats) -> None:
    whole, alone = beat_inputs(beats), beat_inputs(without(beats, 101))
    rows = whole.record != 101
    np.testing.assert_array_equal(whole.waveform[rows], alone.waveform)
    np.testing.assert_array_equal(whole.context[rows], alone.context)


def test_labels_do_not_enter_the_inputs(beats: Beats) -> None:
    shuffled = np.random.default_rng(0).permutation(np.asarray(beats.label))
    true, false = beat_inputs(beats), beat_inputs(replace(beats, label=shuffled))
    np.testing.assert_array_equal(true.waveform, false.waveform)
    np.testing.assert_array_equal(true.context, false.context)


def test_an_amplifiers_gain_does_not_show(beats: Beats) -> None:
    one = select(beat_inputs(beats), [119]).waveform
    louder = beat_inputs(replace(beats, signal=np.asarray(beats.signal) * np.float32(3)))
    np.testing.assert_allclose(select(louder, [119]).waveform, one, atol=1e-4)


def test_the_difference_is_from_the_beat_of_the_usual_rhythm() -> None:
    rng = np.random.default_rng(0)
    normal, ectopic = np.sin(np.arange(BEAT_SAMPLES) / 30), np.cos(np.arange(BEAT_SAMPLES) / 9)
    early = np.arange(40) % 4 == 0
    shapes = np.where(early[:, None], ectopic, normal) + 1e-3 * rng.standard_normal((40, 1))
    signal = np.stack([shapes, 0.1 * shapes], axis=1).astype(np.float32)
    rr_s = np.where(early, 0.5, 0.8).astype(np.float32)
    waveform = record_waveforms(signal, rr_s)
    for lead in (0, 1):
        beat, difference = waveform[:, 2 * lead], waveform[:, 2 * lead + 1]
        assert np.abs(difference[~early]).max() < 0.01
        assert np.abs(difference[early]).max() > 0.3
        assert np.median(np.ptp(beat, axis=1)) == pytest.approx(1, abs=0.1)


def test_a_lost_electrode_is_bounded(beats: Beats) -> None:
    signal = np.array(beats.signal)
    signal[5] *= 1000
    waveform = beat_inputs(replace(beats, signal=signal)).waveform
    assert np.abs(waveform).max() == MOST_HEIGHTS


@pytest.mark.parametrize("lead", [0, 1])
def test_a_flat_lead_is_refused(lead: int) -> None:
    signal = np.random.default_rng(0).standard_normal((5, 2, BEAT_SAMPLES), np.float32)
    signal[:, lead] = 0.25
    with pytest.raises(DataError, match="lead is flat"):
        record_waveforms(signal, np.ones(5, np.float32))


def test_selecting_keeps_order_and_refuses_what_is_not_there(beats: Beats) -> None:
    inputs = beat_inputs(beats)
    some = select(inputs, [209, 101])
    assert set(some.record.tolist()) == {101, 209}
    assert (np.diff(some.record) >= 0).all()
    np.testing.assert_array_equal(
        select(inputs, DS1).label, inputs.label[np.isin(inputs.record, DS1)]
    )
    with pytest.raises(DataError, match="no beat of record 102"):
        select(inputs, [101, 102])
