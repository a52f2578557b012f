"""One patient's heart: the waves of each kind of atrial and ventricular activation it has.

What differs between patients: the heart's electrical axis, and each wave's size, width, direction
and time. The numbers are typical adult values (QRS 70 to 110 ms, wide QRS 130 to 190 ms, PR 120 to
220 ms), with spreads that give as varied a population as MIT-BIH's.
"""

from dataclasses import dataclass

import numpy as np

from crossscale_data.synthetic.dipole import (
    Waves,
    centred_on_peak,
    joined,
    lead_matrix,
    rotation,
    scaled,
    waves,
)
from crossscale_data.synthetic.slow_signals import Floats

VENTRICULAR_FOCI = 3
_TYPICAL_RR_S = 0.8
_LARGEST_WAVE_MV = 3.0


@dataclass(frozen=True)
class Patient:
    """Parts that beats are made of, by name, and the leads they are seen in."""

    leads: Floats  # [2, 3]
    parts: dict[str, Waves]
    fibrillation_mv: Floats  # [3], dipole of the fibrillating atria
    breathing_depth: float  # relative change of amplitudes with respiration


def make_patient(
    lead_names: tuple[str, str], leads_rng: np.random.Generator, rng: np.random.Generator
) -> Patient:
    """A random patient seen in those leads.

    Args:
        lead_names: keys of `dipole.DOWER`; R peaks are timed in MLII, or else in the first.
        leads_rng: makes the electrodes' placement, which is a recording's own.
        rng: makes the heart, which two recordings of one patient share.
    """
    leads = lead_matrix(lead_names, leads_rng)
    timing_lead = leads[lead_names.index("MLII") if "MLII" in lead_names else 0]
    axis = rotation(rng, 20.0)
    size = 1.2 * float(np.exp(0.28 * rng.standard_normal()))
    septum, main, base = (axis @ d * size for d in _normal_directions(rng))
    width = float(np.exp(0.15 * rng.standard_normal()))
    repolarisation = _repolarisation(rng, axis, size)
    narrow = waves(
        (-0.030 * width, 0.009 * width, septum, False),
        (0.0, 0.0115 * width, main, False),
        (0.029 * width, 0.010 * width, base, False),
    )
    parts = {
        "normal": joined(narrow, repolarisation),
        "left block": _left_block(rng, axis, size),
        "right block": _right_block(rng, axis, size, narrow, repolarisation),
        "paced": _paced(rng, size),
        "flutter": waves(
            (0.0, 0.045, _direction(rng) * 1.2, False), (0.11, 0.05, _direction(rng), False)
        ),
    }
    for focus in range(VENTRICULAR_FOCI):
        parts[f"focus {focus}"] = _ventricular(rng, size * (1 if focus == 0 else 0.8))
    for name, part in parts.items():
        parts[name] = centred_on_peak(_held_in_range(part, leads), timing_lead, _TYPICAL_RR_S)
    parts |= _atrial_parts(rng, axis)
    parts["spike"] = waves((-0.055, 0.0022, _direction(rng) * rng.uniform(0.2, 0.9), False))
    return Patient(
        leads, parts, _direction(rng) * rng.uniform(0.03, 0.09), float(rng.uniform(0.01, 0.07))
    )


def _normal_directions(rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    septum = np.array([-0.15, -0.10, -0.35]) * rng.gamma(2.5, 0.4)
    main = np.array([0.85, 1.05, 0.45]) * np.exp(0.2 * rng.standard_normal(3))
    base = np.array([-0.20, -0.30, 0.35]) * rng.gamma(2.0, 0.5, 3)
    return septum, main, base


def _repolarisation(rng: np.random.Generator, axis: Floats, size: float) -> Waves:
    """ST segment and an asymmetric T-wave: a slow rise and a steeper fall."""
    direction = rotation(rng, 35.0) @ axis @ np.array([0.22, 0.30, -0.12])
    t_size = (
        np.sqrt(size) * np.exp(0.4 * rng.standard_normal()) * rng.choice([1, -0.6], p=[0.88, 0.12])
    )
    time_s = 0.31 * np.exp(0.07 * rng.standard_normal())
    st = _direction(rng) * 0.05 * abs(rng.standard_normal())
    return waves(
        (0.13, 0.05, st, True),
        (time_s - 0.045, 0.060, 0.55 * t_size * direction, True),
        (time_s, 0.036, 0.75 * t_size * direction, True),
    )


def _left_block(rng: np.random.Generator, axis: Floats, size: float) -> Waves:
    """Left bundle branch block: no septal wave, slow, to the left and back; T opposite."""
    towards = rotation(rng, 12.0) @ axis @ np.array([0.85, 0.75, 0.75]) * size
    late = rotation(rng, 20.0) @ towards
    return joined(
        waves(
            (-0.026, 0.016, 0.45 * towards, False),
            (0.006, 0.018, 0.95 * towards, False),
            (0.046, 0.016, 0.40 * late, False),
        ),
        _discordant(rng, towards, 0.26),
    )


def _right_block(
    rng: np.random.Generator, axis: Floats, size: float, narrow: Waves, repolarisation: Waves
) -> Waves:
    """Right bundle branch block: a normal start, then a slow wave to the right and front."""
    late = rotation(rng, 12.0) @ axis @ np.array([-0.55, -0.15, -0.70]) * size
    return joined(
        scaled(narrow, 0.9),
        waves(
            (0.044, 0.013, 0.65 * late, False),
            (0.070, 0.017, 0.60 * late, False),
            (0.30, 0.06, -0.25 * late, True),
        ),
        scaled(repolarisation, 0.8),
    )


def _paced(rng: np.random.Generator, size: float) -> Waves:
    """Paced from the right ventricle's apex: slow, up and to the left and back; T opposite."""
    towards = rotation(rng, 25.0) @ np.array([0.7, -1.3, 0.7]) * size
    late = rotation(rng, 25.0) @ towards
    return joined(
        waves((-0.016, 0.017, 0.7 * towards, False), (0.026, 0.022, 0.9 * late, False)),
        _discordant(rng, towards, 0.28),
    )


def _ventricular(rng: np.random.Generator, size: float) -> Waves:
    """From a focus anywhere in the ventricles: no fast conduction, so wide; T opposite."""
    # From outflow tract or apex, so mostly along the body: no lead of MIT-BIH is blind to it.
    along = rng.choice([-1, 1]) * rng.uniform(0.45, 0.95)
    angle = rng.uniform(0, 2 * np.pi)
    across = np.sqrt(1 - along**2)
    direction = np.array([across * np.cos(angle), along, across * np.sin(angle)])
    towards = direction * size * rng.uniform(1.2, 2.0)
    turned = rotation(rng, 45.0) @ towards
    slow = rng.uniform(0.75, 1.25)
    return joined(
        waves(
            (-0.038 * slow, 0.017 * slow, rng.uniform(0.1, 0.6) * towards, False),
            (0.0, 0.020 * slow, towards, False),
            (0.048 * slow, 0.020 * slow, rng.uniform(-0.5, 0.6) * turned, False),
        ),
        _discordant(rng, towards, rng.uniform(0.2, 0.4)),
    )


def _discordant(rng: np.random.Generator, towards: Floats, ratio: float) -> Waves:
    """Secondary repolarisation: ST and T against the QRS."""
    against = -ratio * (rotation(rng, 20.0) @ towards)
    time_s = 0.33 * np.exp(0.05 * rng.standard_normal())
    return waves(
        (0.16, 0.055, 0.35 * against, True),
        (time_s - 0.05, 0.062, 0.6 * against, True),
        (time_s, 0.042, 0.7 * against, True),
    )


def _atrial_parts(rng: np.random.Generator, axis: Floats) -> dict[str, Waves]:
    """P-waves: of the sinus node, of an atrial focus, and retrograde from the AV junction."""
    size = 0.105 * np.exp(0.35 * rng.standard_normal())
    pr_s = float(np.clip(0.155 + 0.022 * rng.standard_normal(), 0.11, 0.21))
    right = rotation(rng, 15.0) @ axis @ np.array([0.35, 0.75, -0.45]) * size
    left = rotation(rng, 15.0) @ axis @ np.array([0.65, 0.60, 0.45]) * size
    turn = rotation(rng, 70.0)
    focus_pr_s = pr_s * rng.uniform(0.75, 1.1)
    retrograde_s = float(rng.choice([-0.09, 0.10]))
    return {
        "sinus P": waves((-pr_s - 0.014, 0.021, right, False), (-pr_s + 0.016, 0.021, left, False)),
        "ectopic P": waves(
            (-focus_pr_s - 0.010, 0.017, turn @ right, False),
            (-focus_pr_s + 0.012, 0.018, turn @ left, False),
        ),
        "retrograde P": waves((retrograde_s, 0.019, -0.9 * (left + right), False)),
    }


def _held_in_range(part: Waves, leads: Floats) -> Waves:
    """The part, made smaller if a wave of it would be too large in a lead."""
    largest = float(np.abs(part.project(leads)).max())
    return scaled(part, min(1.0, _LARGEST_WAVE_MV / largest))


def _direction(rng: np.random.Generator) -> Floats:
    direction = rng.standard_normal(3)
    return np.asarray(direction / np.linalg.norm(direction))
