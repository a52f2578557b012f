"""Weighted sums on one rank: what is added, rounded and held."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mpi4py import MPI

from module3_mpi_gpu_overlap.totals import FRACTION_BITS, LARGEST, TOTALS, FixedPointTotal, Total

WHOLE = slice(0, 8)
vectors = arrays.arrays(np.float32, 8, elements=st.floats(-1000, 1000, width=32))


def summed(total: Total, parts: list[np.ndarray], shares: list[float]) -> np.ndarray:
    total.clear()
    for part, share in zip(parts, shares, strict=True):
        total.add(torch.from_numpy(part), share)
    total.reduce(WHOLE)
    return total.average.numpy().copy()


@given(st.lists(vectors, min_size=1, max_size=6), st.data())
@settings(deadline=None)  # torch's first use takes longer than all else
def test_the_fixed_point_sum_has_the_same_bits_in_any_order(
    parts: list[np.ndarray], data: st.DataObject
) -> None:
    weights = np.random.default_rng(len(parts)).dirichlet(np.ones(len(parts)))
    order = data.draw(st.permutations(range(len(parts))))
    total = FixedPointTotal(MPI.COMM_SELF, torch.empty(8))
    once = summed(total, parts, weights.tolist())
    again = summed(total, [parts[i] for i in order], [float(weights[i]) for i in order])
    assert once.tobytes() == again.tobytes()


@pytest.mark.parametrize("how", TOTALS)
@given(parts=st.lists(vectors, min_size=1, max_size=6))
@settings(deadline=None)
def test_a_sum_is_that_of_float64_to_float32s_rounding(how: str, parts: list[np.ndarray]) -> None:
    weights = np.random.default_rng(len(parts)).dirichlet(np.ones(len(parts)))
    expected = sum(w * part.astype(np.float64) for w, part in zip(weights, parts, strict=True))
    found = summed(TOTALS[how](MPI.COMM_SELF, torch.empty(8)), parts, weights.tolist())
    rounding = 1e-6 * np.abs(np.stack(parts)).max() + len(parts) * 2.0**-FRACTION_BITS
    np.testing.assert_allclose(found, expected, atol=rounding)


def test_the_fixed_point_sum_tells_what_it_cannot_hold() -> None:
    total = FixedPointTotal(MPI.COMM_SELF, torch.empty(2))
    assert total.holds(torch.tensor([0.0, LARGEST - 1]))
    assert not total.holds(torch.tensor([0.0, -LARGEST]))


@pytest.mark.parametrize("how", TOTALS)
def test_one_vector_of_weight_one_comes_back_to_the_bit(how: str) -> None:
    vector = np.array([1.0, -2.5, 3e-3, 1e5, 0.1, 7.0, -0.3, 0.0], np.float32)
    total = TOTALS[how](MPI.COMM_SELF, torch.empty(8))
    for _ in range(2):
        assert np.array_equal(summed(total, [vector], [1.0]), vector)
