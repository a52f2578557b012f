"""Fixtures of module 2: rows of a tiny bench and a tiny training on doubles of the database."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.prepared import Windows
from crossscale_data.records import DS2, TRAIN
from crossscale_data.source import Source
from module2_openmp_conv import bench, probes, train
from module2_openmp_conv.config import Bench, Train
from module2_openmp_conv.extension import kernels
from module2_openmp_conv.grid import Cell

CELLS = (
    Cell(64, 1, 1, 3),
    Cell(128, 1, 1, 3),
    Cell(64, 1, 1, 5),
    Cell(2, 3, 4, 5),
    Cell(64, 1, 16, 3),
    Cell(64, 1, 16, 3, operation="input_gradient"),
    Cell(64, 1, 16, 3, operation="weight_gradient"),
    Cell(1, 1, 1, 3, length=8, operation="forward_with_grad"),
    Cell(2, 4, 4, 3, length=40, dilation=2, groups=2, operation="training_step"),
    Cell(2, 3, 4, 5, cache="cold"),
    Cell(8, 16, 16, 15),  # by spectra, and from the taps
    Cell(8, 16, 16, 15, operation="training_step"),
)
SOURCE = Source(Path("nowhere"), "synthetic", "0" * 16, "a double")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread unless a test says otherwise: two that share a core spin for milliseconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def teams_are_called() -> Iterator[None]:
    """Several threads for small problems, too, whatever that costs beside other tests."""
    kernels.call_teams_always(True)
    yield
    kernels.call_teams_always(False)


@pytest.fixture(scope="session")
def worst() -> Callable[[Tensor, Tensor, Tensor], float]:
    """The largest error, in units in the last place of its sum's magnitudes."""

    def of(found: Tensor, exact: Tensor, size: Tensor) -> float:
        """A sum of nothing must be zero."""
        assert found.shape == exact.shape
        assert not found[size == 0].any()
        error = (found.double() - exact).abs()[size > 0] / size[size > 0]
        return float(error.max()) * 2.0**24 if len(error) else 0.0

    return of


@pytest.fixture(scope="session")
def cells() -> tuple[Cell, ...]:
    """The grid of the tiny bench, which has two repeats."""
    return CELLS


@pytest.fixture(scope="session")
def results_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the CSV files of a tiny bench and a tiny training."""
    folder = tmp_path_factory.mktemp("results")
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        _use_small_windows(patch)
        _use_small_beats(patch)
        patch.setattr(probes, "_TIMES_CACHE", 0.1)
        bench.bench(Bench(results_dir=folder, repeats=2, threads=1), CELLS)
        train.train(Train(results_dir=folder, epochs=2, batch_size=32, threads=1, model="tinyecg"))
    torch.set_num_threads(threads)
    return folder


Times = dict[Cell, dict[str, float]]


@pytest.fixture
def made_rows() -> Callable[[Times], pd.DataFrame]:
    """Makes rows of a run on two threads, twice each: from a cell and a contestant to µs."""
    return _made_rows


def _made_rows(times: Times) -> pd.DataFrame:
    rows = [
        {
            **asdict(cell),
            "threads": cell.threads or 2,
            "contestant": name,
            "kernels_isa": "avx2" if name.startswith("crossscale") else "none",
            "call_us": call_us,
            "convolved_gflop_per_s": 2e-3 * cell.multiply_adds / call_us,
            "repeat": repeat,
            "max_error_ratio": 0.0,
            "peak_gflop_per_s": 80.0,
            **_PROVENANCE,
        }
        for cell, contestants in times.items()
        for name, call_us in contestants.items()
        for repeat in range(2)
    ]
    return pd.DataFrame(rows)


_PROVENANCE = {
    "run_id": "a",
    "time_utc": "2026-01-01",
    "dataset": "mitdb",
    "cpu_model": "a CPU",
    "cpu_isa": "avx2",
    "cores_count": 2,
    "threads_count": 2,
    "accelerator": "none",
    "profile": "custom",
    "suite_version": "0",
    "git_revision": "0",
    "git_dirty": False,
}


@pytest.fixture
def made_machine() -> pd.DataFrame:
    """A machine of 100 GFLOP/s (AVX2) and 10 GB/s; 40 GB/s where 1 MiB fits. On two threads.

    Its largest cache has 2 MiB.
    """
    probes_made = [
        ("fma", "avx2", 0, 100.0, None),
        ("fma", "avx2", 0, 90.0, None),
        ("fma", "portable", 0, 30.0, None),
        ("copy", "none", 1 << 19, None, 40.0),
        ("triad", "none", (1 << 20) // 3, None, 35.0),
        ("copy", "none", 1 << 27, None, 9.0),
        ("fill", "none", 1 << 27, None, 10.0),
    ]
    columns = ["probe", "isa", "array_bytes", "peak_gflop_per_s", "stream_gb_per_s"]
    return pd.DataFrame(probes_made, columns=columns).assign(
        threads=2, last_level_cache_bytes=2 << 20
    )


def _use_small_windows(patch: pytest.MonkeyPatch) -> None:
    """Let the bench read 100 made-up windows."""
    samples = np.random.default_rng(0).normal(size=(100, 500)).astype(np.float32)
    zeros = np.zeros(100)
    windows = Windows(
        samples, zeros.astype(np.uint8), zeros.astype(np.int16), zeros.astype(np.uint8), SOURCE
    )
    patch.setattr(bench, "find_source", lambda data_dir: SOURCE)
    patch.setattr(bench, "load_windows", lambda source: windows)


def _use_small_beats(patch: pytest.MonkeyPatch) -> None:
    """Let training see 8 beats of each patient; the class is the sign of a bump."""
    random = np.random.default_rng(0)
    record = np.repeat(np.array(sorted(TRAIN + DS2), np.int16), 8)
    label = (np.arange(len(record)) % 3).astype(np.uint8)
    waveform = random.normal(0, 0.1, size=(len(record), 2, 84)).astype(np.float32)
    waveform[:, 0, 40:50] += (label.astype(np.float32) - 1)[:, None]
    context = random.normal(size=(len(record), 4)).astype(np.float32)
    inputs = BeatInputs(waveform, context, label, record)
    patch.setattr(train, "find_source", lambda data_dir: SOURCE)
    patch.setattr(train, "load_beats", lambda source: None)
    patch.setattr(train, "beat_inputs", lambda beats: inputs)
