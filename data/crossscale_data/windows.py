"""The windows view: fixed cuts of every lead, for throughput work.

500 samples every 250, each lead by itself, baseline removed. A window's label is that of the
worst beat whose R lies in it (`labels.SEVERITY`); windows without a beat are left out, since no
label would be true of them.
"""

import numpy as np
import numpy.typing as npt

from crossscale_data.labels import CLASSES, SEVERITY

WINDOW_SAMPLES = 500
STRIDE_SAMPLES = 250

_RANK_OF_CLASS = np.array([SEVERITY.index(name) for name in CLASSES], np.int8)
_CLASS_OF_RANK = np.array([CLASSES.index(name) for name in SEVERITY], np.int8)


def window_labels(
    beat_sample: npt.NDArray[np.int64],
    beat_class: npt.NDArray[np.int8],
    record_samples: int,
) -> npt.NDArray[np.int8]:
    """Label of each of a record's windows, int8 [windows]; -1 for one without a beat."""
    count = max(0, (record_samples - WINDOW_SAMPLES) // STRIDE_SAMPLES + 1)
    worst = np.full(count, -1, np.int8)
    # A beat at sample s lies in every window i with i * stride <= s < i * stride + length.
    last = beat_sample // STRIDE_SAMPLES
    for back in range(-(-WINDOW_SAMPLES // STRIDE_SAMPLES)):
        window = last - back
        inside = (window >= 0) & (window < count)
        inside &= beat_sample - window * STRIDE_SAMPLES < WINDOW_SAMPLES
        np.maximum.at(worst, window[inside], _RANK_OF_CLASS[beat_class[inside]])
    return np.where(worst >= 0, _CLASS_OF_RANK[worst], np.int8(-1))


def cut_windows(
    signal_mv: npt.NDArray[np.float32], kept: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """The kept windows of one lead, float32 [kept windows, WINDOW_SAMPLES]."""
    cuts = np.lib.stride_tricks.sliding_window_view(signal_mv, WINDOW_SAMPLES)[::STRIDE_SAMPLES]
    return cuts[kept]
