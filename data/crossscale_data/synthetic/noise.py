"""What an electrocardiogram holds besides the heart: wander, mains, muscle, moving electrodes.

Levels differ by patient. The kinds are those of the MIT-BIH Noise Stress Test Database (Moody,
Muldrow & Mark 1984, Computers in Cardiology 11:381), with mains hum at 60 Hz.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from crossscale_data.records import SAMPLING_HZ
from crossscale_data.synthetic.record_facts import RecordFacts
from crossscale_data.synthetic.rhythm import FULL_LENGTH_S, Rhythm
from crossscale_data.synthetic.slow_signals import Floats, Oscillation, smooth_noise

_MAINS_HZ = 60.0
_MUSCLE_BAND_HZ = (12.0, 110.0)
_LINEAR_MV, _LIMIT_MV = 4.0, 5.0  # the 11-bit range ends at 5.12 mV


@dataclass(frozen=True)
class Disturbances:
    """When the signal is disturbed, for the noise itself and for its annotations."""

    noisy_s: Floats  # [episodes, 2], start and end
    artefact_s: Floats  # [artefacts], QRS-like deflections that are no beats


def plan_disturbances(
    facts: RecordFacts, rhythm: Rhythm, seconds: float, rng: np.random.Generator
) -> Disturbances:
    """As many noisy episodes and artefacts as the record's facts say, at random places."""
    share = seconds / FULL_LENGTH_S
    episodes = int(facts.noise_changes / 2 * share + rng.random())
    start = np.sort(rng.uniform(0.05, 0.9, episodes)) * seconds
    length = rng.uniform(2.0, 8.0, episodes)
    end = np.minimum(start + length, np.append(start[1:], 0.98 * seconds) - 0.5)
    kept = end > start
    # Artefacts come half-way between beats, where they can be told from them.
    gaps = np.diff(rhythm.time_s)
    wide = np.flatnonzero(gaps > np.median(gaps) * 0.8)
    artefacts = min(int(facts.artefacts * share + rng.random()), len(wide))
    chosen = np.sort(rng.choice(wide, artefacts, replace=False))
    middle = (rhythm.time_s[chosen] + rhythm.time_s[chosen + 1]) / 2
    return Disturbances(np.stack([start[kept], end[kept]], axis=1), middle)


def make_noise(
    planned: Disturbances,
    respiration: Oscillation,
    leads: int,
    samples: int,
    rng: np.random.Generator,
) -> Floats:
    """Noise of all kinds, mV, float64 [leads, samples]."""
    time_s = np.arange(samples) / SAMPLING_HZ
    breathing = respiration(time_s)
    tone = np.sin(2 * np.pi * _MAINS_HZ * time_s + smooth_noise(rng, time_s, 0.2))
    movement = _movement(planned.noisy_s, time_s)
    noise = np.empty((leads, samples))
    for lead in range(leads):
        wander_mv = rng.uniform(0.03, 0.13)
        muscle_mv = 0.010 * np.exp(0.6 * rng.standard_normal())
        mains_mv = 0.004 * np.exp(0.7 * rng.standard_normal())
        noise[lead] = wander_mv * (
            0.5 * breathing + smooth_noise(rng, time_s, 0.15) + 0.3 * smooth_noise(rng, time_s, 0.5)
        )
        noise[lead] += mains_mv * np.exp(0.3 * smooth_noise(rng, time_s, 0.05)) * tone
        strength = np.exp(0.35 * smooth_noise(rng, time_s, 0.1)) + rng.uniform(1, 8) * movement
        noise[lead] += muscle_mv * strength * _muscle(rng, samples)
        noise[lead] += rng.uniform(0.1, 0.5) * movement * smooth_noise(rng, time_s, 4.0)
        _add_electrode_steps(noise[lead], planned.noisy_s, rng)
        for at_s in planned.artefact_s:
            height_mv = rng.uniform(0.3, 1.0) * rng.choice([-1, 1])
            noise[lead] += _bump(time_s, at_s, rng.uniform(0.01, 0.03), height_mv)
    return noise


def saturated(signal_mv: Floats) -> Floats:
    """The recorder's amplifier: linear up to 4 mV, then bending so as never to reach 5 mV."""
    excess = np.maximum(np.abs(signal_mv) - _LINEAR_MV, 0.0)
    room = _LIMIT_MV - _LINEAR_MV
    bent = _LINEAR_MV + room * np.tanh(excess / room)
    return np.where(excess > 0, np.sign(signal_mv) * bent, signal_mv)


def _muscle(rng: np.random.Generator, samples: int) -> Floats:
    """Unit-variance noise in the band of muscle activity that a surface ECG lets through."""
    sections = butter(2, _MUSCLE_BAND_HZ, "bandpass", fs=SAMPLING_HZ, output="sos")
    filtered = sosfilt(sections, rng.standard_normal(samples))
    return np.asarray(filtered / filtered.std())


def _movement(noisy_s: Floats, time_s: Floats) -> Floats:
    """0 where it is quiet, rising to 1 in the middle of each noisy episode, [samples]."""
    movement = np.zeros_like(time_s)
    for start_s, end_s in noisy_s:
        inside = slice(*np.searchsorted(time_s, [start_s, end_s]))
        phase = (time_s[inside] - start_s) / (end_s - start_s)
        movement[inside] = np.sin(np.pi * phase) ** 0.5
    return movement


def _add_electrode_steps(lead: Floats, noisy_s: Floats, rng: np.random.Generator) -> None:
    """An electrode that slips: a jump of potential that the amplifier's coupling lets decay."""
    for start_s, end_s in noisy_s:
        first = int(rng.uniform(start_s, end_s) * SAMPLING_HZ)
        height_mv, decay_s = rng.normal(0, 0.6), rng.uniform(0.3, 1.2)
        since_s = np.arange(min(len(lead) - first, int(6 * SAMPLING_HZ))) / SAMPLING_HZ
        rise = 1 - np.exp(-since_s / 0.04)
        lead[first : first + len(since_s)] += height_mv * rise * np.exp(-since_s / decay_s)


def _bump(time_s: Floats, at_s: float, width_s: float, height_mv: float) -> Floats:
    return np.asarray(height_mv * np.exp(-0.5 * ((time_s - at_s) / width_s) ** 2))
