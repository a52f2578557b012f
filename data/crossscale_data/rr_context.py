"""RR intervals around a beat, compared with the patient's own: what tells early beats from late.

Log ratios, so that twice as long and half as long weigh the same. Source of the idea: de Chazal
et al. 2004 (pre, post, average and local RR); Llamedo & Martínez 2011 (ratios).
"""

import bisect
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

_SHORTEST_S, _LONGEST_S = 0.2, 3.0  # beyond these an interval is an artefact or a pause


def rr_context(
    rr_previous_s: npt.NDArray[np.float32],
    rr_next_s: npt.NDArray[np.float32],
    reference: Literal["record", "causal"],
) -> npt.NDArray[np.float32]:
    """RR features of one record's beats, in time order: float32 [beats, features]."""
    previous = np.log(np.clip(rr_previous_s.astype(np.float64), _SHORTEST_S, _LONGEST_S))
    following = np.log(np.clip(rr_next_s.astype(np.float64), _SHORTEST_S, _LONGEST_S))
    before = np.concatenate([previous[:1], previous[:-1]])
    after = np.concatenate([following[1:], following[-1:]])
    features = [previous - following, before - previous, after - following]
    if reference == "record":
        usual, slow = np.median(previous), np.quantile(previous, 0.75)
        local, wide = (median_filter(previous, width, mode="nearest") for width in (21, 101))
    else:
        usual, slow = _running_quantiles(previous, (0.5, 0.75))
        local, wide = _past_mean(previous, 10), _past_mean(previous, 50)
    features += [x - usual for x in (previous, following, before, after)]
    features += [previous - slow]
    features += [x - y for x in (previous, following) for y in (local, wide)]
    return np.stack(features, axis=1).astype(np.float32)


def _past_mean(values: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Mean of the up to `width` values before each; the first is its own."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(len(values))
    start = np.maximum(0, end - width)
    means = (sums[end] - sums[start]) / np.maximum(1, end - start)
    return np.where(end > 0, means, values)


def _running_quantiles(
    values: npt.NDArray[np.float64], quantiles: tuple[float, ...]
) -> npt.NDArray[np.float64]:
    """Quantiles (nearest rank) of all values up to and with each: float64 [quantiles, n]."""
    seen: list[float] = []
    found = np.empty((len(quantiles), len(values)))
    for i, value in enumerate(values):
        bisect.insort(seen, value)
        found[:, i] = [seen[round(q * (len(seen) - 1))] for q in quantiles]
    return found
