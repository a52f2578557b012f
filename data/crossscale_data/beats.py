"""The beats view: one row a beat, cut around its R, with the intervals to its neighbours."""

import numpy as np
import numpy.typing as npt

from crossscale_data.records import SAMPLING_HZ

SAMPLES_BEFORE_R = 144  # 0.4 s: the P-wave and the end of the beat before
SAMPLES_AFTER_R = 180  # 0.5 s: the T-wave
BEAT_SAMPLES = SAMPLES_BEFORE_R + SAMPLES_AFTER_R


def cut_beats(
    signal_mv: npt.NDArray[np.float32], beat_sample: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Cuts around each R, float32 [beats, BEAT_SAMPLES]; past an end, the last sample goes on."""
    padded = np.pad(signal_mv, (SAMPLES_BEFORE_R, SAMPLES_AFTER_R), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, BEAT_SAMPLES)[beat_sample]


def rr_intervals_s(
    beat_sample: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Seconds from the previous R and to the next, float32 [beats] each.

    The first beat's missing previous interval is taken equal to its next, and the last beat's
    next to its previous; a lone beat gets 1 s for both.
    """
    if len(beat_sample) < 2:
        ones = np.ones(len(beat_sample), np.float32)
        return ones, ones.copy()
    rr = (np.diff(beat_sample) / SAMPLING_HZ).astype(np.float32)
    return np.concatenate([rr[:1], rr]), np.concatenate([rr, rr[-1:]])
