"""The synthetic heart's parts: rhythms as asked for, slow signals, and the closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.signal import welch

from crossscale_data.labels import CLASSES, beat_classes
from crossscale_data.records import DS1, DS2, RECORDS, SAMPLING_HZ
from crossscale_data.synthetic.annotations import annotate
from crossscale_data.synthetic.noise import Disturbances, plan_disturbances, saturated
from crossscale_data.synthetic.patient import make_patient
from crossscale_data.synthetic.record_facts import record_facts
from crossscale_data.synthetic.rhythm import FULL_LENGTH_S, Rhythm, make_rhythm
from crossscale_data.synthetic.slow_signals import Oscillation, smooth_noise
from crossscale_data.synthetic.waveform import relaxed


def rhythm_of(record: int, seconds: float, seed: int) -> Rhythm:
    rng = np.random.default_rng(seed)
    return make_rhythm(record_facts()[record], Oscillation(rng, 0.25, seconds), seconds, rng)


@given(st.sampled_from(RECORDS), st.floats(10, 300), st.integers(0, 1000))
@settings(deadline=None, max_examples=60)
def test_events_ascend_inside_the_record_and_so_do_annotations(
    record: int, seconds: float, seed: int
) -> None:
    rhythm = rhythm_of(record, seconds, seed)
    samples = round(seconds * SAMPLING_HZ)
    assert rhythm.time_s[0] > 0
    assert rhythm.time_s[-1] < seconds
    assert np.diff(rhythm.time_s).min() > 0.2
    facts = record_facts()[record]
    planned = plan_disturbances(facts, rhythm, seconds, np.random.default_rng(seed))
    written = annotate(rhythm, planned, samples)
    assert (np.diff(written.sample) > 0).all()
    assert written.sample[0] >= 0
    assert written.sample[-1] < samples
    beats = np.array(written.symbol)[beat_classes(written.symbol, "here") >= 0]
    expected = rhythm.symbol[~np.isin(rhythm.symbol, ["x", '"', "!"])]
    np.testing.assert_array_equal(beats, expected)


def test_what_falls_on_a_beat_gives_way_to_it() -> None:
    rhythm = rhythm_of(100, 60, 0)
    on_beats_s = rhythm.time_s[3:7] + 0.5 / SAMPLING_HZ
    written = annotate(rhythm, Disturbances(on_beats_s.reshape(2, 2), on_beats_s), 21_600)
    is_beat = beat_classes(written.symbol, "here") >= 0
    np.testing.assert_array_equal(
        written.sample[is_beat], np.rint(rhythm.time_s * SAMPLING_HZ).astype(int)
    )
    assert written.symbol.count("~") == written.symbol.count("|") == 4
    assert (np.diff(written.sample) > 0).all()


@pytest.mark.parametrize("record", RECORDS)
def test_a_full_length_record_has_exactly_its_facts_counts(record: int) -> None:
    facts = record_facts()[record]
    symbol, count = np.unique(rhythm_of(record, FULL_LENGTH_S, 1).symbol, return_counts=True)
    assert dict(zip(symbol.tolist(), count.tolist(), strict=True)) == {
        known.symbol: known.count for known in (facts.base, *facts.others)
    }


def test_the_facts_add_up_to_the_published_counts() -> None:
    totals = np.zeros(len(CLASSES), int)
    for record in DS1 + DS2:
        for facts in (record_facts()[record].base, *record_facts()[record].others):
            (index,) = beat_classes([facts.symbol], "the table")
            if index >= 0:
                totals[index] += facts.count
    assert totals.tolist() == [45866 + 44259, 944 + 1837, 3788 + 3221, 415 + 388, 8 + 7]


def test_fibrillation_makes_rr_irregular_and_lasts_as_long_as_asked() -> None:
    rhythm = rhythm_of(210, FULL_LENGTH_S, 0)
    assert rhythm.in_af.mean() == pytest.approx(record_facts()[210].af_fraction, abs=0.02)
    fibrillating, sinus = np.log(rhythm.rr_s), np.log(rhythm_of(122, FULL_LENGTH_S, 0).rr_s)
    assert fibrillating.std() > 3 * sinus.std()
    assert not rhythm_of(122, FULL_LENGTH_S, 0).in_af.any()


def test_sinus_rr_varies_with_respiration_and_mayer_waves() -> None:
    power = np.zeros(257)
    for seed in range(8):
        rhythm = rhythm_of(122, FULL_LENGTH_S, seed)  # sinus rhythm and nothing else
        grid_s = np.arange(1, FULL_LENGTH_S - 1, 0.5)
        frequency, density = welch(np.interp(grid_s, rhythm.time_s, rhythm.rr_s), 2, nperseg=512)
        power += density / density.sum()
    low = power[(frequency > 0.07) & (frequency < 0.13)].max()
    high = power[(frequency > 0.2) & (frequency < 0.3)].max()
    between = power[(frequency > 0.15) & (frequency < 0.18)].mean()
    assert low > 3 * between
    assert high > 3 * between


def test_an_oscillation_has_its_frequency_and_unit_variance() -> None:
    time_s = np.arange(0, 1800, 0.25)
    values = Oscillation(np.random.default_rng(0), 0.25, 1800)(time_s)
    frequency, density = welch(values, 4, nperseg=1024)
    assert frequency[density.argmax()] == pytest.approx(0.25, rel=0.15)
    assert values.std() == pytest.approx(1, rel=0.2)


def test_smooth_noise_has_unit_variance_and_no_fast_content() -> None:
    time_s = np.arange(0, 2000, 0.05)
    values = smooth_noise(np.random.default_rng(0), time_s, 0.5)
    frequency, density = welch(values, 20, nperseg=1024)
    assert values.std() == pytest.approx(1, rel=0.1)
    assert density[frequency > 1.0].sum() < 0.01 * density.sum()


def test_the_closed_form_is_the_solution_of_mcsharrys_equation() -> None:
    """dz/dt = -sum_i a_i dθ_i exp(-dθ_i² / 2 b_i²) - z, integrated numerically for steady beats."""
    rr_s = 0.8
    angle = np.array([-70, -15, 0, 15, 100]) * np.pi / 180  # table I of the paper: P, Q, R, S, T
    a = np.array([1.2, -5.0, 30.0, -7.5, 0.75])
    b = np.array([0.25, 0.1, 0.1, 0.1, 0.4])
    omega = 2 * np.pi / rr_s

    def slope(t: float, z: np.ndarray) -> np.ndarray:
        away = np.mod(omega * t - angle, 2 * np.pi) - np.pi
        away = np.where(away > 0, away - np.pi, away + np.pi)  # to the nearer side of each wave
        return -np.sum(a * away * np.exp(-(away**2) / (2 * b**2))) - z

    time_s = np.arange(0, 4, 1 / SAMPLING_HZ)
    solved = solve_ivp(slope, (0, 4), [0.0], t_eval=time_s, max_step=0.002, rtol=1e-8, atol=1e-8)
    beat_s = np.arange(-1, 7) * rr_s
    centre_s = beat_s[:, None] + angle / omega
    # a dθ exp(-dθ²/2b²) is minus the derivative of a b² exp(-dθ²/2b²) by θ; by t, over omega.
    away = (time_s[:, None, None] - centre_s) * omega
    gaussians = np.sum(a * b**2 / omega * np.exp(-(away**2) / (2 * b**2)), axis=(1, 2))
    ours = relaxed(np.concatenate([np.zeros(1), gaussians - gaussians[0]])[None, :])[0, 1:]
    np.testing.assert_allclose(ours, solved.y[0], atol=2e-3 * np.abs(solved.y[0]).max())


def test_two_recordings_of_one_heart_share_it_and_two_hearts_do_not() -> None:
    def heart(recording: int, subject: int) -> np.ndarray:
        rngs = np.random.default_rng(recording), np.random.default_rng(subject)
        return make_patient(("MLII", "V1"), *rngs).parts["sinus P"].dipole_mv

    np.testing.assert_array_equal(heart(1, 7), heart(2, 7))
    assert not np.allclose(heart(1, 7), heart(1, 8))


def test_the_amplifier_is_linear_at_first_and_never_clips() -> None:
    signal_mv = np.linspace(-30, 30, 601)
    bent = saturated(signal_mv)
    linear = np.abs(signal_mv) <= 4
    np.testing.assert_array_equal(bent[linear], signal_mv[linear])
    assert np.abs(bent).max() <= 5
    assert (np.diff(bent) >= 0).all()
