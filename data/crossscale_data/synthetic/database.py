"""The whole synthetic database, written as WFDB files: all of it or nothing."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import wfdb
from tqdm import tqdm

from crossscale_data.checksums import SYNTHETIC_MARKER, file_sha256
from crossscale_data.errors import DataError
from crossscale_data.records import RECORDS, SAMPLING_HZ, subject_of
from crossscale_data.synthetic.annotations import AnnotationColumns, annotate
from crossscale_data.synthetic.beat_parts import part_weights
from crossscale_data.synthetic.noise import make_noise, plan_disturbances, saturated
from crossscale_data.synthetic.patient import Patient, make_patient
from crossscale_data.synthetic.record_facts import RecordFacts, record_facts
from crossscale_data.synthetic.rhythm import FULL_LENGTH_S, Rhythm, make_rhythm
from crossscale_data.synthetic.slow_signals import Floats, Oscillation, smooth_noise
from crossscale_data.synthetic.waveform import render

GENERATOR_VERSION = 1  # raised with every change that changes a byte
SHORTEST_S = 10.0
_ADC_PER_MV = 200
_ADC_ZERO = 1024
_ADC_BITS = 11


def generate(
    directory: Path, seed: int = 0, seconds: float = FULL_LENGTH_S, progress: bool = True
) -> None:
    """Make the synthetic database: 48 records of that length, and a marker with their sums.

    Files are gathered in `<directory>.partial`, which takes the name `directory` only when all are
    there; what an interrupted run left is removed. One process at a time may make a folder.
    The same seed and length give the same bytes (with the same versions of numpy and scipy).

    Args:
        directory: the folder to make; it must not exist, or be empty.
        seed: of all random choices, not negative.
        seconds: length of each record, at least 10; the default is MIT-BIH's, 650,000 samples.
        progress: whether to show a progress bar on stderr.

    Raises:
        DataError: the folder holds something already, or the seed or the length is out of range.
    """
    if seed < 0:
        raise DataError(f"the seed of a synthetic database is {seed}: give 0 or more")
    if not SHORTEST_S <= seconds < float("inf"):
        raise DataError(
            f"a synthetic record of {seconds} s was asked for: give {SHORTEST_S:g} s or more"
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise DataError(
            f"{directory} exists already: remove it, or name another folder for the synthetic "
            "database"
        )
    partial = directory.with_name(f"{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        samples = round(seconds * SAMPLING_HZ)
        for record in tqdm(RECORDS, "synthetic database", unit="record", disable=not progress):
            write_record(partial, record, seed, samples)
        _write_marker(partial, seed, samples)
        partial.replace(directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_record(directory: Path, record: int, seed: int, samples: int) -> None:
    """Make one record and write its header, signals and annotations there.

    Raises:
        OSError: they cannot be written.
    """
    facts = record_facts()[record]
    signal_mv, annotations = make_record(facts, seed, samples)
    digital = np.rint(saturated(signal_mv) * _ADC_PER_MV).astype(np.int64) + _ADC_ZERO
    leads = len(facts.leads)
    # The fields that wfdb.wrsamp cannot be given are set before it would fill them in.
    written = wfdb.Record(
        record_name=str(record),
        d_signal=digital.T,
        fs=int(SAMPLING_HZ),
        fmt=["212"] * leads,
        units=["mV"] * leads,
        sig_name=list(facts.leads),
        adc_gain=[float(_ADC_PER_MV)] * leads,
        baseline=[_ADC_ZERO] * leads,
        adc_zero=[_ADC_ZERO] * leads,
        adc_res=[_ADC_BITS] * leads,
        comments=[f"SYNTHETIC, made by generator version {GENERATOR_VERSION}: no patient's ECG."],
    )
    written.set_d_features()
    written.set_defaults()
    try:
        written.wrsamp(write_dir=str(directory))
    except OSError as error:
        if error.errno is not None:
            raise
        # numpy says how much was written, not why it was not all.
        full = errno.ENOSPC
        raise OSError(full, os.strerror(full), str(directory / f"{record}.dat")) from error
    wfdb.wrann(
        str(record),
        "atr",
        annotations.sample,
        annotations.symbol,
        aux_note=annotations.aux_note,
        write_dir=str(directory),
    )


def make_record(facts: RecordFacts, seed: int, samples: int) -> tuple[Floats, AnnotationColumns]:
    """One record's signal (mV, float64 [2, samples]) and annotations."""
    heart_rng = np.random.default_rng([seed, subject_of(facts.record), 0])
    rng = np.random.default_rng([seed, facts.record, 1])
    seconds = samples / SAMPLING_HZ
    patient = make_patient(facts.leads, rng, heart_rng)
    respiration = Oscillation(rng, float(rng.uniform(0.18, 0.33)), seconds)
    rhythm = make_rhythm(facts, respiration, seconds, rng)
    weights = part_weights(rhythm, facts.base.symbol, rng)
    signal_mv = render(rhythm, patient, weights, respiration, samples, rng)
    signal_mv += _fibrillation(rhythm, patient, samples, rng)
    planned = plan_disturbances(facts, rhythm, seconds, rng)
    signal_mv += make_noise(planned, respiration, len(facts.leads), samples, rng)
    return signal_mv, annotate(rhythm, planned, samples)


def _fibrillation(
    rhythm: Rhythm, patient: Patient, samples: int, rng: np.random.Generator
) -> Floats:
    """Fibrillatory waves of 5 to 8 Hz in every lead while the atria fibrillate, [2, samples]."""
    time_s = np.arange(samples) / SAMPLING_HZ
    if not rhythm.in_af.any():
        return np.zeros((len(patient.leads), samples))
    present = np.interp(time_s, rhythm.time_s, rhythm.in_af.astype(float))
    rate_hz = rng.uniform(5.0, 7.5) * np.exp(0.08 * smooth_noise(rng, time_s, 1.0))
    phase = 2 * np.pi * np.cumsum(rate_hz) / SAMPLING_HZ
    wave = (np.sin(phase) + 0.35 * np.sin(2 * phase)) * (1 + 0.3 * smooth_noise(rng, time_s, 0.8))
    return np.outer(patient.leads @ patient.fibrillation_mv, present * wave)


def _write_marker(directory: Path, seed: int, samples: int) -> None:
    """The marker file: what made the database, and the SHA-256 of every other file in it."""
    sums = {path.name: file_sha256(path) for path in sorted(directory.iterdir())}
    marker = {
        "generator_version": GENERATOR_VERSION,
        "seed": seed,
        "samples_per_record": samples,
        "sha256": sums,
    }
    (directory / SYNTHETIC_MARKER).write_text(json.dumps(marker, indent=1) + "\n")
