"""Ratios within one run, with the interval of their median: what runs and machines compare by."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

CONFIDENCE = 0.95
RESAMPLES = 4000
FEWEST = 4  # samples; of fewer, a bootstrap interval says too little


@dataclass(frozen=True)
class Ratio:
    """What is over what in one run, and its raw samples."""

    module: str  # `module 1`
    name: str  # with everything that must be the same where another run is to be comparable
    samples: tuple[float, ...]  # one a repeat: two measurements of that repeat, divided
    greater_is_better: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError where there are no samples."""
        if not self.samples:
            raise ValueError(f"ratio {self.name!r} has no samples")

    @property
    def value(self) -> float:
        """Median of the samples."""
        return float(np.median(self.samples))

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Bootstrap interval of the median; None of fewer than FEWEST samples."""
        if len(self.samples) < FEWEST:
            return None
        return _interval(medians(self.samples, seed=0))


def ratio_of(
    module: str,
    name: str,
    over: "pd.Series[float]",
    under: "pd.Series[float]",
    greater_is_better: bool = True,
) -> list[Ratio]:
    """The ratio of two columns paired by their index, one sample each; none without a pair."""
    quotients = over.astype(float) / under.astype(float)
    return ratio_from(module, name, quotients, greater_is_better)


def ratio_from(
    module: str, name: str, quotients: "pd.Series[float]", greater_is_better: bool = True
) -> list[Ratio]:
    """The ratio whose samples are there already, those that are finite; none without any."""
    samples = quotients.astype(float).dropna()
    samples = samples[np.isfinite(samples)]
    if samples.empty:
        return []
    return [Ratio(module, name, tuple(samples.tolist()), greater_is_better)]


def medians(samples: tuple[float, ...], seed: int) -> np.ndarray:
    """Medians of RESAMPLES draws of as many samples with replacement [RESAMPLES], float64.

    The percentile bootstrap of Efron & Tibshirani 1993, chapter 13.
    """
    random = np.random.default_rng(seed)
    drawn = random.integers(len(samples), size=(RESAMPLES, len(samples)))
    middle: np.ndarray = np.median(np.asarray(samples)[drawn], axis=1)
    return middle


def ratio_interval(over: tuple[float, ...], under: tuple[float, ...]) -> tuple[float, float] | None:
    """Bootstrap interval of the medians' ratio, both drawn anew; None where either has too few.

    Also None where the median that is divided by can be 0.
    """
    if min(len(over), len(under)) < FEWEST:
        return None
    below = medians(under, seed=1)
    if (below == 0).any():
        return None
    return _interval(medians(over, seed=0) / below)


def said(ratio: Ratio) -> str:
    """Value, interval and number of samples in words."""
    n = len(ratio.samples)
    if ratio.interval is None:
        return f"{number(ratio.value)} (n = {n}: too few for an interval)"
    low, high = ratio.interval
    return f"{number(ratio.value)} (95 % interval {number(low)} to {number(high)}, n = {n})"


def number(value: float) -> str:
    """Three significant digits; whole numbers from a thousand on."""
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")


def _interval(values: np.ndarray) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
