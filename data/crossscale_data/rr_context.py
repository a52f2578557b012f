"""RR intervals around a beat, compared with the patient's own: what tells early beats from late.

Log ratios, so that twice as long and half as long weigh the same. A supraventricular ectopic beat
is a normal one that comes early: early against the *mean* interval, of the record and around the
beat. The mean, not the median: where most beats are ectopic the median is the ectopic interval,
while pauses keep the mean near the sinus rhythm's. How irregular the rhythm is by itself (atrial
fibrillation) is measured by quantiles of successive differences, which lone ectopic beats do not
move. Sources of the idea: de Chazal et al. 2004 (pre-, post-, average and local average RR);
Llamedo & Martínez 2011 (ratios).
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter, percentile_filter, uniform_filter1d

RrReference = Literal["record", "causal"]
Values = npt.NDArray[np.float64]

_SHORTEST_S, _LONGEST_S = 0.2, 3.0  # beyond these an interval is an artefact or a pause
_NEAR_BEATS, _WIDE_BEATS = 11, 51
_SMALLEST_CHANGE = 0.01  # of the log interval: below, a rhythm is as regular as can be told
_USUAL_SPREAD = 0.2  # of a log ratio: features are given in units of it

# The first columns of the context: timing against mean intervals, and irregularity. They alone
# tell S from N; what follows helps to tell ventricular beats from both.
TIMING_FEATURES = 12
CONTEXT_FEATURES = 20


def rr_context(
    rr_previous_s: npt.NDArray[np.float32],
    rr_next_s: npt.NDArray[np.float32],
    reference: RrReference,
) -> npt.NDArray[np.float32]:
    """RR features of one record's beats, in time order: float32 [beats, CONTEXT_FEATURES].

    Args:
        rr_previous_s: seconds from the beat before, [beats].
        rr_next_s: seconds to the beat after, [beats].
        reference: what intervals are compared with: those around the beat and of the whole
            `record`, or only the beat's own and those before it (`causal`). The two intervals
            after the beat are looked at in both.
    """
    if len(rr_previous_s) == 0:
        return np.empty((0, CONTEXT_FEATURES), np.float32)
    interval = np.clip(rr_previous_s.astype(np.float64), _SHORTEST_S, _LONGEST_S)
    previous = np.log(interval)
    following = np.log(np.clip(rr_next_s.astype(np.float64), _SHORTEST_S, _LONGEST_S))
    before = np.concatenate([previous[:1], previous[:-1]])
    after = np.concatenate([following[1:], following[-1:]])
    change = np.abs(np.diff(previous, prepend=previous[:1]))
    around = _Around(trailing=reference == "causal")

    overall = np.log(_mean_so_far(interval) if around.trailing else interval.mean())
    near, wide = (np.log(around.mean(interval, n)) for n in (_NEAR_BEATS, _WIDE_BEATS))
    near_median, wide_median = (around.median(previous, n) for n in (_NEAR_BEATS, _WIDE_BEATS))
    deviation = around.median(np.abs(previous - wide_median), _WIDE_BEATS)
    ratios = (
        *(x - overall for x in (before, previous, following)),
        *(x - y for y in (near, wide) for x in (previous, following)),
        *(previous - following, before - previous, after - following),
    )
    irregularity = (
        around.median(change, _WIDE_BEATS),
        around.lower_quartile(change, _WIDE_BEATS),
    )
    more_ratios = (previous - near_median, previous - wide_median, following - wide_median)
    more_irregularity = (
        around.median(change, _NEAR_BEATS),
        around.mean(change, _NEAR_BEATS),
        around.mean(change, _WIDE_BEATS),
        deviation,
    )
    features = (
        *_scaled_ratios(ratios),
        *_scaled_changes(irregularity),
        *_scaled_ratios(more_ratios),
        *_scaled_changes(more_irregularity),
        np.clip((previous - wide_median) / (5 * (deviation + 3 * _SMALLEST_CHANGE)), -4, 4),
    )
    return np.stack(features, axis=1).astype(np.float32)


class _Around:
    """Statistics of the intervals around each beat, or of those up to it."""

    def __init__(self, trailing: bool) -> None:
        self.trailing = trailing

    def mean(self, values: Values, width: int) -> Values:
        return uniform_filter1d(values, width, mode="nearest", origin=self._origin(width))

    def median(self, values: Values, width: int) -> Values:
        return median_filter(values, width, mode="nearest", origin=self._origin(width))

    def lower_quartile(self, values: Values, width: int) -> Values:
        return percentile_filter(values, 25, width, mode="nearest", origin=self._origin(width))

    def _origin(self, width: int) -> int:
        return width // 2 if self.trailing else 0


def _mean_so_far(values: Values) -> Values:
    return np.cumsum(values) / np.arange(1, len(values) + 1)


def _scaled_ratios(log_ratios: tuple[Values, ...]) -> list[Values]:
    return [x / _USUAL_SPREAD for x in log_ratios]


def _scaled_changes(changes: tuple[Values, ...]) -> list[Values]:
    """Logarithms, centred where a moderately irregular rhythm lies."""
    return [np.log(x + _SMALLEST_CHANGE) - np.log(4 * _SMALLEST_CHANGE) for x in changes]
