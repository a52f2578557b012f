"""The noise-free signal: every beat's waves, added up in closed form.

McSharry et al. 2003 integrate dz/dt = -sum_i a_i dθ_i exp(-dθ_i² / 2 b_i²) - (z - z0). The equation
is linear in z once the phase θ(t) is known, and the phase is fixed by the R peaks, so no ODE solver
is needed: the sum integrates to one Gaussian per wave and beat, and the term -z is a first-order
high-pass filter of time constant 1 s applied to their sum. Both are exact and vectorise over beats,
some hundred times as fast as stepping; z0, the respiratory baseline, is added with the noise.
As in their phase-based waves, ST and T move with the square root of RR (Bazett); P and QRS do not.
"""

import numpy as np
from scipy.signal import lfilter

from crossscale_data.records import SAMPLING_HZ
from crossscale_data.synthetic.dipole import Waves
from crossscale_data.synthetic.patient import Patient
from crossscale_data.synthetic.rhythm import Rhythm
from crossscale_data.synthetic.slow_signals import Floats, Oscillation, smooth_noise

_WAVE_REACH = 4.0  # standard deviations to either side; beyond, a wave is under 0.04 %
_RELAXATION_PER_S = 1.0


def render(
    rhythm: Rhythm,
    patient: Patient,
    weights: dict[str, Floats],
    respiration: Oscillation,
    samples: int,
    rng: np.random.Generator,
) -> Floats:
    """The signal of all beats without noise, mV, float64 [leads, samples]."""
    signal = np.zeros((len(patient.leads), samples))
    gain = _beat_gains(rhythm, patient, respiration, rng)
    repolarisation = _repolarisation_stretch(rhythm, rng)
    # Ectopic activation takes another way each time; conducted beats hardly differ.
    conduction = np.exp(
        np.where(np.isin(rhythm.symbol, list("VEFQ!")), 0.06, 0.02)
        * rng.standard_normal(len(rhythm.time_s))
    )
    for name, weight in weights.items():
        chosen = np.flatnonzero(weight)
        if len(chosen):
            _add_waves(
                signal,
                patient.parts[name],
                patient.leads,
                rhythm.time_s[chosen],
                gain[:, chosen] * weight[chosen],
                conduction[chosen],
                repolarisation[chosen],
            )
    return relaxed(signal)


def _beat_gains(
    rhythm: Rhythm, patient: Patient, respiration: Oscillation, rng: np.random.Generator
) -> Floats:
    """Amplitude factor of each event in each lead, [leads, n]: breathing turns the heart."""
    time_s = rhythm.time_s
    gains = []
    for lead in range(len(patient.leads)):
        breathing = respiration(time_s, delay=1.0 * lead) * patient.breathing_depth
        drift = 0.04 * smooth_noise(rng, time_s, 0.005)
        gains.append(1 + breathing + drift + 0.015 * rng.standard_normal(len(time_s)))
    return np.clip(np.stack(gains), 0.5, 1.5)


def _repolarisation_stretch(rhythm: Rhythm, rng: np.random.Generator) -> Floats:
    """Factor on times and widths of ST and T: the square root of RR, most of it of recent RR."""
    decay = 0.8
    start = [decay * rhythm.rr_s[0]]
    recent_s, _ = lfilter([1 - decay], [1, -decay], rhythm.rr_s, zi=start)
    effective_s = np.clip(0.65 * recent_s + 0.35 * rhythm.rr_s, 0.35, 1.3)
    return np.asarray(np.sqrt(effective_s) * np.exp(0.01 * rng.standard_normal(len(recent_s))))


def _add_waves(
    signal: Floats,
    part: Waves,
    leads: Floats,
    beat_s: Floats,
    gain: Floats,
    conduction: Floats,
    repolarisation: Floats,
) -> None:
    """Add one part of the chosen beats to the signal, in place; gain is [leads, beats]."""
    samples = signal.shape[1]
    amplitude = part.project(leads)
    for wave in range(len(part.time_s)):
        stretch = repolarisation if part.repolarises[wave] else conduction
        centre = (beat_s + part.time_s[wave] * stretch) * SAMPLING_HZ
        width = part.width_s[wave] * stretch * SAMPLING_HZ
        reach = int(np.ceil(_WAVE_REACH * width.max()))
        index = np.floor(centre).astype(np.int64)[:, None] + np.arange(-reach, reach + 2)
        bell = np.exp(-0.5 * ((index - centre[:, None]) / width[:, None]) ** 2)
        inside = (index >= 0) & (index < samples)
        for lead in range(len(leads)):
            scaled = bell * (gain[lead] * amplitude[lead, wave])[:, None]
            np.add.at(signal[lead], index[inside], scaled[inside])


def relaxed(signal: Floats) -> Floats:
    """The model's relaxation term -z: y' = x' - y, by the trapezoidal rule."""
    half_step = _RELAXATION_PER_S / SAMPLING_HZ / 2
    b = np.array([1.0, -1.0]) / (1 + half_step)
    a = np.array([1.0, -(1 - half_step) / (1 + half_step)])
    return np.asarray(lfilter(b, a, signal, axis=-1))
