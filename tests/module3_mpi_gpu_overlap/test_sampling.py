"""Which clients a round has, and their weights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from module3_mpi_gpu_overlap.sampling import sampled_clients, shares_of

beats_of_clients = st.lists(st.integers(0, 500), min_size=1, max_size=20).filter(any)


@given(beats_of_clients, st.integers(0, 25), st.integers(0, 5))
def test_as_many_as_asked_are_drawn_once_each_and_none_without_beats(
    beats: list[int], per_round: int, round_index: int
) -> None:
    holding = [client for client, count in enumerate(beats) if count]
    drawn = sampled_clients(beats, per_round, 3, round_index)
    assert len(drawn) == (min(per_round, len(holding)) or len(holding))
    assert list(drawn) == sorted(set(drawn))
    assert set(drawn) <= set(holding)


def test_rounds_draw_differently_and_each_client_has_its_turn() -> None:
    rounds = [sampled_clients([10] * 8, 3, 0, index) for index in range(40)]
    assert rounds == [sampled_clients([10] * 8, 3, 0, index) for index in range(40)]
    assert len(set(rounds)) > 20
    assert {client for drawn in rounds for client in drawn} == set(range(8))


def test_weights_are_shares_of_the_beats_of_those_drawn() -> None:
    assert shares_of([10, 20, 70, 30], [1, 3]) == {1: 0.4, 3: 0.6}


@given(beats_of_clients)
def test_weights_sum_to_one(beats: list[int]) -> None:
    shares = shares_of(beats, sampled_clients(beats, 0, 0, 0))
    assert sum(shares.values()) == pytest.approx(1)
