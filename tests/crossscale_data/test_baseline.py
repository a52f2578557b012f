"""The baseline goes, the beats stay."""

import numpy as np

from crossscale_data.baseline import remove_baseline


def running_median(signal: np.ndarray, width: int) -> np.ndarray:
    padded = np.pad(signal.astype(np.float64), width // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)


def test_it_is_de_chazals_two_medians() -> None:
    signal = np.random.default_rng(0).standard_normal(2000).astype(np.float32).cumsum()
    expected = signal - running_median(running_median(signal, 73), 217)
    np.testing.assert_allclose(remove_baseline(signal), expected, atol=1e-5)


def test_slow_wander_is_removed_and_a_qrs_kept() -> None:
    t = np.arange(3600) / 360
    wander = 0.5 * np.sin(2 * np.pi * 0.15 * t)
    qrs = np.zeros_like(t)
    for beat in range(180, 3600, 360):
        qrs[beat - 14 : beat + 15] = np.hanning(29)
    left = remove_baseline((wander + qrs).astype(np.float32))
    assert left.dtype == np.float32
    assert np.abs(left - qrs)[360:-360].max() < 0.15
