"""Baseline wander removed as de Chazal et al. 2004 (IEEE TBME 51(7):1196, section II-B) do it.

A median filter of 200 ms takes out the P-waves and QRS complexes, one of 600 ms the T-waves; what
is left is the baseline, and is subtracted. Nothing else is filtered.
"""

import numpy as np
import numpy.typing as npt

from crossscale_data.records import SAMPLING_HZ

QRS_MEDIAN_S = 0.2
T_WAVE_MEDIAN_S = 0.6


def remove_baseline(signal_mv: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The signal less its baseline, float32 [samples], in mV."""
    # Loaded here, for benches that read windows alone: prepared data are filtered already.
    from scipy.ndimage import median_filter

    without_qrs = median_filter(signal_mv, _odd_width(QRS_MEDIAN_S), mode="nearest")
    baseline = median_filter(without_qrs, _odd_width(T_WAVE_MEDIAN_S), mode="nearest")
    return (signal_mv - baseline).astype(np.float32)


def _odd_width(seconds: float) -> int:
    # An even window would shift the baseline by half a sample.
    return 2 * round(seconds * SAMPLING_HZ / 2) + 1
