"""Which beat comes when: a record's sequence of beats and its RR intervals.

Ectopic beats come in runs, runs in bigeminy or trigeminy, as often as the record's facts say; each
kind has its coupling interval and its pause. Normal RR intervals vary with respiration and Mayer
waves (McSharry, Clifford, Tarassenko & Smith 2003, IEEE TBME 50(3):289) and a slow drift; in atrial
fibrillation they are independent and wide. The mean RR follows from how many beats there are.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossscale_data.records import SAMPLES_PER_RECORD, SAMPLING_HZ
from crossscale_data.synthetic.record_facts import RecordFacts, SymbolFacts
from crossscale_data.synthetic.slow_signals import Floats, Oscillation, smooth_noise

FULL_LENGTH_S = SAMPLES_PER_RECORD / SAMPLING_HZ
FIRST_BEAT_S = 0.35
LAST_BEAT_BEFORE_END_S = 0.45
MIN_RR_S = 0.24
_AF_EPISODE_BEATS = 250
_AF_RR_SPREAD = 0.21
_COUPLING_SPREAD = {"V": 0.05, "F": 0.03, "/": 0.01, "f": 0.03, "!": 0.08}
_OTHER_COUPLING_SPREAD = 0.07


@dataclass(frozen=True)
class Rhythm:
    """A record's events in time: its beats, and P-waves that no beat follows (`x` and `"`)."""

    time_s: Floats  # [n], ascending
    rr_s: Floats  # [n], interval before each event; the first has its record's mean
    symbol: npt.NDArray[np.str_]  # [n], annotation symbols
    in_af: npt.NDArray[np.bool_]  # [n], in atrial fibrillation


def make_rhythm(
    facts: RecordFacts, respiration: Oscillation, seconds: float, rng: np.random.Generator
) -> Rhythm:
    """The beats of a record of that length: exactly the facts' counts if it has full length, and
    that many in proportion if not (rounded at random, so that rare beats occur in some record).
    """
    share = seconds / FULL_LENGTH_S
    symbol = _sequence(facts, share, rng)
    in_af = _af_episodes(len(symbol), facts.af_fraction, rng)
    ratio = _rr_ratios(symbol, facts, rng)
    mean_rr_s = (seconds - FIRST_BEAT_S - LAST_BEAT_BEFORE_END_S) / max(ratio[1:].sum(), 1.0)
    nominal_s = np.cumsum(ratio) * mean_rr_s
    variation = _sinus_variation(nominal_s, facts.hrv, respiration, rng)
    fibrillation = _AF_RR_SPREAD * rng.standard_normal(len(symbol))
    is_sinus = symbol == facts.base.symbol
    ratio *= np.exp(np.where(in_af & is_sinus, fibrillation, variation))
    rr_s = ratio * mean_rr_s
    # Scaled to fit the record, then held above the refractory period, then scaled once more.
    for _ in range(2):
        rr_s = np.maximum(rr_s, MIN_RR_S)
        rr_s *= (seconds - FIRST_BEAT_S - LAST_BEAT_BEFORE_END_S) / rr_s[1:].sum()
    rr_s[0] = mean_rr_s
    time_s = FIRST_BEAT_S + np.concatenate([[0.0], np.cumsum(rr_s[1:])])
    return Rhythm(time_s, rr_s, symbol, in_af)


def _sequence(facts: RecordFacts, share: float, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    """Symbols of all events in order: groups of runs put at random between the base beats."""
    base_left = max(_share_of(facts.base.count, share, rng), 2)
    groups: list[list[str]] = []
    for other in facts.others:
        for runs, spacing in _groups(other, _share_of(other.count, share, rng), rng):
            spacing = min(spacing, (base_left - 2) // max(len(runs) - 1, 1))
            base_left -= spacing * (len(runs) - 1)
            filler = [facts.base.symbol] * spacing
            group = [other.symbol] * runs[0]
            for run in runs[1:]:
                group += filler + [other.symbol] * run
            groups.append(group)
    # Gaps before base beats 1, 2, ...: never before the first, nor two groups in one if it can be.
    crowded = len(groups) > base_left
    gaps = np.sort(rng.choice(base_left, len(groups), replace=crowded))
    sequence: list[str] = []
    groups = [groups[i] for i in rng.permutation(len(groups))]
    position = 0
    for gap, group in zip(gaps, groups, strict=True):
        sequence += [facts.base.symbol] * (int(gap) + 1 - position) + group
        position = int(gap) + 1
    return np.array(sequence + [facts.base.symbol] * (base_left - position), dtype="U1")


def _groups(
    facts: SymbolFacts, count: int, rng: np.random.Generator
) -> list[tuple[list[int], int]]:
    """Groups of runs that make `count` beats together: (run lengths, base beats between runs)."""
    groups: list[tuple[list[int], int]] = []
    while count:
        run = min(int(rng.geometric(1 - min(facts.run, 0.995))), count)
        count -= run
        follows = rng.random()
        if groups and follows < facts.bigeminy and groups[-1][1] in (0, 1):
            groups[-1] = ([*groups[-1][0], run], 1)
        elif groups and follows < facts.bigeminy + facts.trigeminy and groups[-1][1] in (0, 2):
            groups[-1] = ([*groups[-1][0], run], 2)
        else:
            groups.append(([run], 0))
    return groups


def _share_of(count: int, share: float, rng: np.random.Generator) -> int:
    if abs(share - 1) < 1e-3:
        return count
    return int(np.floor(count * share + rng.random()))


def _af_episodes(n: int, fraction: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which events are in atrial fibrillation: some long episodes, `fraction` of all in sum."""
    in_af = np.zeros(n, bool)
    episodes = max(round(fraction * n / _AF_EPISODE_BEATS), 1)
    length = round(fraction * n / episodes)
    # Sorted cuts of what is left over put the episodes at random without overlap.
    cuts = np.sort(rng.integers(0, n - length * episodes + 1, episodes))
    for i, cut in enumerate(cuts):
        in_af[cut + i * length : cut + (i + 1) * length] = True
    return in_af


def _rr_ratios(
    symbol: npt.NDArray[np.str_], facts: RecordFacts, rng: np.random.Generator
) -> Floats:
    """Interval before each event, as a ratio of the sinus RR of its time, [n]."""
    by_symbol = {other.symbol: other for other in (*facts.others, facts.base)}
    ratio = np.ones(len(symbol))
    spread = rng.standard_normal(len(symbol))
    for i in range(1, len(symbol)):
        here, before = by_symbol[symbol[i]], by_symbol[symbol[i - 1]]
        if here is before:
            mean = here.in_run_ratio
        elif here is facts.base:
            mean = before.pause_ratio
        else:
            mean = here.coupling_ratio
        sigma = _COUPLING_SPREAD.get(here.symbol, _OTHER_COUPLING_SPREAD)
        ratio[i] = mean if here is facts.base else mean * np.exp(sigma * spread[i])
    return ratio


def _sinus_variation(
    time_s: Floats, hrv: float, respiration: Oscillation, rng: np.random.Generator
) -> Floats:
    """Logarithmic variation of the sinus RR: respiratory arrhythmia, Mayer waves and drift."""
    mayer = Oscillation(rng, 0.1 * np.exp(0.1 * rng.standard_normal()), float(time_s[-1]) + 1)
    high, low, drift = rng.dirichlet([4, 4, 4])  # shares of the variance
    return np.asarray(
        1.1
        * hrv
        * (
            np.sqrt(high) * respiration(np.minimum(time_s, respiration.seconds))
            + np.sqrt(low) * mayer(time_s)
            + np.sqrt(drift) * smooth_noise(rng, time_s, 0.01)
        )
        + 0.25 * hrv * rng.standard_normal(len(time_s))
    )
