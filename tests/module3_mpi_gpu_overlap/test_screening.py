"""Which updates are screened out."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mpi4py import MPI

from module3_mpi_gpu_overlap.screening import Screening, update_length

LOSS = 1.6


@pytest.mark.parametrize("ratio", [0.0, 10.0])
@pytest.mark.parametrize("length", [math.nan, math.inf])
def test_what_is_not_finite_is_never_accepted(ratio: float, length: float) -> None:
    screening = Screening(ratio)
    assert not screening.accepts(length, LOSS)
    screening.learn([1.0, 2.0])
    assert not screening.accepts(length, LOSS)


@given(st.lists(st.floats(0.5, 2.0), min_size=3, max_size=9), st.data())
def test_a_minority_of_absurd_lengths_is_screened_and_the_others_never(
    usual: list[float], data: st.DataObject
) -> None:
    bad = data.draw(st.lists(st.floats(1e3, 1e30), max_size=(len(usual) - 1) // 2))
    screening = Screening(10.0)
    screening.learn([*usual, *bad])
    assert all(screening.accepts(length, LOSS) for length in usual)
    assert not any(screening.accepts(length, LOSS) for length in bad)


@pytest.mark.parametrize("lengths", [[1.0, 1e9], [1e9, 1.0], [1.0, 1.1, 1e9, 1e9]])
def test_the_longer_half_is_not_what_is_usual(lengths: list[float]) -> None:
    screening = Screening(10.0)
    screening.begin(MPI.COMM_SELF, lengths)
    assert [screening.accepts(length, LOSS) for length in lengths] == [x < 2 for x in lengths]


@pytest.mark.parametrize("ratio", [0.0, 10.0])
@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, 1001.0])
def test_an_absurd_loss_is_screened_however_harmless_the_model(ratio: float, loss: float) -> None:
    screening = Screening(ratio)
    screening.learn([1.0])
    assert not screening.accepts(1.0, loss)
    assert screening.accepts(1.0, 999.0)


def test_the_first_round_asks_for_lengths_and_later_ones_do_not() -> None:
    screening = Screening(10.0)
    assert not screening.ready
    screening.begin(MPI.COMM_SELF, [1.0, math.nan, 1.2, 1e9])
    assert screening.ready
    accepted = [screening.accepts(x, LOSS) for x in (1.0, math.nan, 1.2, 1e9)]
    assert accepted == [True, False, True, False]


def test_a_round_that_moved_nobody_or_had_nobody_screens_nobody() -> None:
    screening = Screening(10.0)
    screening.learn([0.0, 0.0, 0.0])
    assert screening.accepts(5.0, LOSS)
    screening.learn([1.0])
    screening.learn([])
    assert screening.lengths == [1.0]


def test_an_update_has_a_length_even_where_one_number_is_not_finite() -> None:
    start = torch.zeros(4)
    assert update_length(torch.tensor([3.0, 0.0, 4.0, 0.0]), start) == 5
    for bad in (math.nan, math.inf, 3e38):  # the square of the last overflows
        length = update_length(torch.tensor([1.0, bad, 1.0, 1.0]), start)
        assert not Screening(0.0).accepts(length, LOSS)
