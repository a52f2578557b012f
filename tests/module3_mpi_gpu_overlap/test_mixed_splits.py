"""Splits that mix patients: every beat goes to one client, evenly or not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from module3_mpi_gpu_overlap.mixed_splits import dirichlet_rows, iid_rows


@given(beats=st.integers(0, 200), clients=st.integers(1, 12), seed=st.integers(0, 5))
def test_iid_gives_every_beat_to_one_client_and_as_many_to_each(
    beats: int, clients: int, seed: int
) -> None:
    parts = iid_rows(beats, clients, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(beats))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(
    label=st.lists(st.integers(0, 4), max_size=200),
    clients=st.integers(1, 12),
    alpha=st.sampled_from([0.01, 0.5, 100.0]),
)
def test_dirichlet_gives_every_beat_to_one_client(
    label: list[int], clients: int, alpha: float
) -> None:
    if not label:
        label = [0]
    parts = dirichlet_rows(np.array(label, np.uint8), clients, alpha, seed=1)
    assert len(parts) == clients
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(label)))


@pytest.mark.parametrize(("alpha", "low", "high"), [(0.05, 0.7, 1.0), (1000.0, 0.1, 0.3)])
def test_a_small_alpha_gives_a_class_to_few_clients_and_a_large_one_to_all(
    alpha: float, low: float, high: float
) -> None:
    label = np.repeat(np.arange(5, dtype=np.uint8), 1000)
    largest_shares = []
    for seed in range(20):
        parts = dirichlet_rows(label, 5, alpha, seed)
        counts = np.stack([np.bincount(label[rows], minlength=5) for rows in parts])
        largest_shares.append(counts.max(axis=0).mean() / 1000)
    assert low < np.mean(largest_shares) < high


def test_the_seed_alone_decides() -> None:
    label = np.arange(100, dtype=np.uint8) % 5
    for split in (lambda s: iid_rows(100, 7, s), lambda s: dirichlet_rows(label, 7, 0.5, s)):
        once, again, other = split(1), split(1), split(2)
        assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
        assert not all(np.array_equal(a, b) for a, b in zip(once, other, strict=True))
