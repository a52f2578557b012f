"""RR features: relative to the patient, and blind to the future where they must be."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossscale_data.rr_context import CONTEXT_FEATURES, TIMING_FEATURES, rr_context

REFERENCES: tuple[Literal["record", "causal"], ...] = ("record", "causal")
Intervals = npt.NDArray[np.float32]
INTERVALS = st.lists(st.floats(0.25, 2.875, width=32), min_size=2, max_size=130).map(
    lambda values: np.array(values, np.float32)
)


def context_of(rr_s: Intervals, reference: Literal["record", "causal"]) -> Intervals:
    """Of the beats that those intervals lie between."""
    return rr_context(np.append(rr_s[:1], rr_s), np.append(rr_s, rr_s[-1:]), reference)


@settings(max_examples=50)
@given(rr_s=INTERVALS, reference=st.sampled_from(REFERENCES))
def test_features_are_finite_and_as_many_as_said(
    rr_s: Intervals, reference: Literal["record", "causal"]
) -> None:
    context = context_of(rr_s, reference)
    assert context.dtype == np.float32
    assert context.shape == (len(rr_s) + 1, CONTEXT_FEATURES)
    assert np.isfinite(context).all()
    assert TIMING_FEATURES <= CONTEXT_FEATURES


@settings(max_examples=50)
@given(
    rr_s=INTERVALS.map(lambda values: np.clip(values, 0.5, 1.4)),
    factor=st.floats(0.6, 1.6),
    reference=st.sampled_from(REFERENCES),
)
def test_a_faster_heart_with_the_same_rhythm_looks_the_same(
    rr_s: Intervals, factor: float, reference: Literal["record", "causal"]
) -> None:
    scaled = (rr_s * factor).astype(np.float32)
    np.testing.assert_allclose(
        context_of(scaled, reference), context_of(rr_s, reference), atol=2e-3
    )


def test_absurd_intervals_are_bounded() -> None:
    rr_s = np.array([0.8, 0.0, 0.8, 1e6, 0.8, 0.8], np.float32)
    for reference in REFERENCES:
        assert np.abs(context_of(rr_s, reference)).max() < 20


@given(rr_s=INTERVALS, data=st.data())
def test_causal_features_know_no_interval_after_the_two_that_follow(
    rr_s: Intervals, data: st.DataObject
) -> None:
    beat = data.draw(st.integers(0, len(rr_s)))
    changed = rr_s.copy()
    changed[beat + 2 :] = 2.0  # the intervals after the beat are rr_s[beat] and rr_s[beat + 1]
    np.testing.assert_array_equal(
        context_of(rr_s, "causal")[: beat + 1], context_of(changed, "causal")[: beat + 1]
    )


def test_the_records_features_do_know_the_whole_record() -> None:
    rr_s = np.full(100, 0.8, np.float32)
    changed = rr_s.copy()
    changed[60:] = 1.6
    assert (context_of(rr_s, "record")[0] != context_of(changed, "record")[0]).any()


@pytest.mark.parametrize("reference", REFERENCES)
def test_early_beats_are_early_also_where_most_beats_are(
    reference: Literal["record", "causal"],
) -> None:
    """Three in four beats ectopic, as in record 232: the mean interval still tells."""
    rr_s = np.tile(np.array([2.0, 0.74, 0.74, 0.74], np.float32), 60)
    previous_against_mean = context_of(rr_s, reference)[1:, 1]
    late, early = previous_against_mean[80::4], previous_against_mean[81::4]
    assert (early < -1).all()
    assert (late > 1).all()


def test_lone_early_beats_leave_a_rhythm_regular_and_fibrillation_does_not() -> None:
    rng = np.random.default_rng(0)
    sinus = 0.8 + 0.005 * rng.standard_normal(300)
    ectopic = sinus.copy()
    ectopic[20::25], ectopic[21::25] = 0.5, 1.1
    fibrillating = 0.8 * np.exp(0.2 * rng.standard_normal(300))
    irregularity = [
        np.median(context_of(rr.astype(np.float32), "record")[:, 10:TIMING_FEATURES], axis=0)
        for rr in (sinus, ectopic, fibrillating)
    ]
    assert np.abs(irregularity[1] - irregularity[0]).max() < 0.3
    assert (irregularity[2] - irregularity[1] > 1).all()


def test_no_beats_no_rows() -> None:
    empty = np.empty(0, np.float32)
    assert rr_context(empty, empty, "record").shape == (0, CONTEXT_FEATURES)
