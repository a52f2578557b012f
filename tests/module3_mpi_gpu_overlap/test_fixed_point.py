"""Fixed-point numbers modulo 2^32: right to half the resolution, and sums never wrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.fixed_point import FixedPoint


@settings(deadline=None)
@given(
    vectors=st.integers(1, 9).flatmap(
        lambda clients: hnp.arrays(np.float32, (clients, 20), elements=st.floats(-1, 1, width=32))
    ),
    bound=st.sampled_from([2.0**-20, 0.7, 1.0, 3.0, 1e6, 1e20]),
)
def test_sums_are_exact_to_the_resolution(vectors: np.ndarray, bound: float) -> None:
    encoding = FixedPoint(bound, len(vectors))
    scaled = (vectors * np.float32(bound)).clip(-np.float32(bound), np.float32(bound))
    scaled = np.where(np.abs(scaled) > bound, 0, scaled).astype(np.float32)
    words = [encoding.to_words(vector) for vector in scaled]
    total = np.zeros(20, np.uint32)
    for own in words:
        total += own
    exact = scaled.astype(np.float64).sum(axis=0)
    summed = total.view(np.int32) * encoding.resolution
    assert np.abs(summed - exact).max() <= len(vectors) * encoding.resolution / 2
    numbers = encoding.to_numbers(total)
    assert numbers.dtype == np.float32
    np.testing.assert_allclose(numbers, summed, rtol=1e-7)


@pytest.mark.parametrize("clients", [1, 2, 3, 47, 1000])
def test_all_clients_at_the_bound_do_not_wrap_round(clients: int) -> None:
    encoding = FixedPoint(1.0, clients)
    for number in (1.0, -1.0):
        total = np.zeros(1, np.uint32)
        for _ in range(clients):
            total += encoding.to_words(np.float32([number]))
        assert encoding.to_numbers(total) == pytest.approx(clients * number, rel=1e-6)
    assert encoding.resolution < 2.0**-29 * clients  # not coarser than need be


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1.01, -1.01])
def test_numbers_that_do_not_fit_are_refused(bad: float) -> None:
    with pytest.raises(UserError, match="1 of 2 numbers are NaN or beyond 1, the bound"):
        FixedPoint(1.0, 3).to_words(np.float32([0.5, bad]))


@pytest.mark.parametrize(("bound", "clients"), [(0.0, 1), (float("inf"), 1), (1.0, 0)])
def test_an_encoding_that_is_none_is_refused(bound: float, clients: int) -> None:
    with pytest.raises(UserError, match="make no fixed-point numbers"):
        FixedPoint(bound, clients)
