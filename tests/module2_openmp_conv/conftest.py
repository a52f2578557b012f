"""Fixtures of module 2: rows of a tiny bench and a tiny training on doubles of the database."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.prepared import Windows
from crossscale_data.records import DS2, TRAIN
from crossscale_data.source import Source
from module2_openmp_conv import bench, train
from module2_openmp_conv.config import Bench, Cell, Train

CELLS = (Cell(2, 1, 1, 3), Cell(4, 1, 1, 3), Cell(2, 1, 1, 5), Cell(2, 3, 4, 5))
SOURCE = Source(Path("nowhere"), "synthetic", "0" * 16, "a double")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread unless a test says otherwise: two that share a core spin for milliseconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
        bench.bench(Bench(results_dir=folder, repeats=2, threads=1), CELLS)
        train.train(Train(results_dir=folder, epochs=2, batch_size=32, threads=1, model="tinyecg"))
    torch.set_num_threads(threads)
    return folder


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
