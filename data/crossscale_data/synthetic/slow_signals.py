"""Slowly varying random signals: breathing, blood-pressure waves, drifts and envelopes."""

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

Floats = npt.NDArray[np.float64]


def smooth_noise(rng: np.random.Generator, time_s: Floats, cutoff_hz: float) -> Floats:
    """Gaussian noise of about unit variance without content above `cutoff_hz`, at those times.

    A cubic spline through independent normal values, `2 * cutoff_hz` of them per second.
    """
    knots = int(np.ceil(time_s[-1] * 2 * cutoff_hz)) + 4
    spline = CubicSpline(np.arange(knots) / (2 * cutoff_hz), rng.standard_normal(knots))
    # A spline's variance is smaller between its knots; on the whole it is about 0.8.
    return np.asarray(spline(time_s + 1 / (2 * cutoff_hz))) / np.sqrt(0.8)


class Oscillation:
    """A narrow-band oscillation of unit variance whose rate and depth wander.

    Of this kind are the respiratory (about 0.25 Hz) and the Mayer wave (about 0.1 Hz), the two
    Gaussian peaks in the RR spectrum of McSharry et al. 2003. One object can be asked at several
    sets of times: respiration moves the rate, the heart's axis and the baseline together.
    """

    def __init__(self, rng: np.random.Generator, frequency_hz: float, seconds: float) -> None:
        self.seconds = seconds
        grid_s = np.arange(0, seconds + 1, 0.25)
        rate_hz = frequency_hz * np.exp(0.12 * smooth_noise(rng, grid_s, frequency_hz / 6))
        phase = 2 * np.pi * (np.cumsum(rate_hz) * 0.25 + rng.random())
        depth = np.exp(0.3 * smooth_noise(rng, grid_s, frequency_hz / 6))
        self._phase = CubicSpline(grid_s, phase)
        self._depth = CubicSpline(grid_s, depth)

    def __call__(self, time_s: Floats, delay: float = 0.0) -> Floats:
        """Its value at those times, `delay` radians late."""
        wave = np.sin(self._phase(time_s) - delay)
        return np.asarray(np.sqrt(2) * self._depth(time_s) * wave)
