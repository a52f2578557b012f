"""Beats are cut around R, with their intervals."""

import numpy as np

from crossscale_data.beats import (
    BEAT_SAMPLES,
    SAMPLES_AFTER_R,
    SAMPLES_BEFORE_R,
    cut_beats,
    rr_intervals_s,
)


def test_r_stands_at_its_place_and_ends_are_continued() -> None:
    signal = np.arange(1000, dtype=np.float32)
    cuts = cut_beats(signal, np.array([0, 500, 999]))
    assert cuts.shape == (3, BEAT_SAMPLES)
    assert cuts[:, SAMPLES_BEFORE_R].tolist() == [0, 500, 999]
    assert cuts[1, 0] == 500 - SAMPLES_BEFORE_R
    assert (cuts[0, :SAMPLES_BEFORE_R] == 0).all()
    assert (cuts[2, -SAMPLES_AFTER_R:] == 999).all()


def test_rr_intervals_are_to_the_neighbours_in_seconds() -> None:
    previous, following = rr_intervals_s(np.array([0, 360, 540]))
    assert previous.tolist() == [1.0, 1.0, 0.5]
    assert following.tolist() == [1.0, 0.5, 0.5]
    assert rr_intervals_s(np.array([7]))[0].tolist() == [1.0]
    assert len(rr_intervals_s(np.array([], np.int64))[0]) == 0
