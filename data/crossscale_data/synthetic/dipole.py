"""The heart as a moving dipole, seen by leads: Gaussian waves in three dimensions.

Sources: McSharry et al. 2003 (each wave a Gaussian on the heart cycle); Sameni, Clifford, Jutten &
Shamsollahi 2007, EURASIP J. Adv. Signal Process. 2007:043407 (the same for the three components of
the heart's dipole, so that every lead is a projection of one heart); Dower, Machado & Osborne 1980,
Clin. Cardiol. 3:87 (the leads as projections of Frank's x, y and z).
Axes: x to the patient's left, y to the feet, z to the back.
"""

from dataclasses import dataclass

import numpy as np

from crossscale_data.synthetic.slow_signals import Floats

DOWER = {
    "MLII": (0.235, 1.066, -0.132),
    "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387),
    "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086),
}


@dataclass(frozen=True)
class Waves:
    """The Gaussian waves of one part of a beat (a P-wave, a QRS-T): one row per wave."""

    time_s: Floats  # [waves], of the peak, after the R peak
    width_s: Floats  # [waves], standard deviation
    dipole_mv: Floats  # [waves, 3]
    repolarises: Floats  # [waves], 1 where the wave's time and width follow the rate (ST, T)

    def project(self, leads: Floats) -> Floats:
        """Amplitudes in the leads (a [leads, 3] matrix), mV, [leads, waves]."""
        return np.asarray(leads @ self.dipole_mv.T)


def waves(*rows: tuple[float, float, Floats, bool]) -> Waves:
    """Waves from rows of (time in s, width in s, dipole in mV, whether it repolarises)."""
    time_s, width_s, dipole_mv, repolarises = zip(*rows, strict=True)
    return Waves(
        np.array(time_s), np.array(width_s), np.array(dipole_mv), np.array(repolarises, float)
    )


def joined(*parts: Waves) -> Waves:
    """All waves of several parts as one."""
    return Waves(
        np.concatenate([part.time_s for part in parts]),
        np.concatenate([part.width_s for part in parts]),
        np.concatenate([part.dipole_mv for part in parts]),
        np.concatenate([part.repolarises for part in parts]),
    )


def scaled(part: Waves, factor: float) -> Waves:
    """The same waves, their amplitudes times `factor`."""
    return Waves(part.time_s, part.width_s, factor * part.dipole_mv, part.repolarises)


def rotation(rng: np.random.Generator, spread_deg: float) -> Floats:
    """A random rotation about a random axis; its angle has that standard deviation."""
    axis = rng.standard_normal(3)
    x, y, z = axis / np.linalg.norm(axis)
    angle = np.deg2rad(spread_deg) * rng.standard_normal()
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def lead_matrix(leads: tuple[str, ...], rng: np.random.Generator) -> Floats:
    """Dower's lead vectors, each turned and scaled a little, as electrodes and torsos differ.

    Returns:
        A [leads, 3] matrix: lead voltages in mV per dipole in mV.
    """
    rows = [
        np.array(DOWER[lead]) @ rotation(rng, 12.0) * np.exp(0.15 * rng.standard_normal())
        for lead in leads
    ]
    return np.stack(rows)


def centred_on_peak(part: Waves, lead: Floats, at_rr_s: float) -> Waves:
    """The waves shifted in time so that the QRS's largest deflection in a lead comes at 0 s."""
    time_s = np.arange(-0.08, 0.08, 0.001)
    depolarises = part.repolarises == 0
    stretch = np.where(depolarises, 1.0, np.sqrt(at_rr_s))
    shape = (time_s[:, None] - part.time_s * stretch) / (part.width_s * stretch)
    deflection = np.exp(-0.5 * shape**2) @ (part.dipole_mv @ lead)
    shift = time_s[np.argmax(np.abs(deflection))]
    return Waves(part.time_s - shift, part.width_s, part.dipole_mv, part.repolarises)
