"""The definitions of a round's times, on timelines made by hand and at random."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from module3_mpi_gpu_overlap.timing import Timeline, rank_times, round_s

FAST = Timeline(
    begin_s=0.0, arrival_s=3.0, end_s=8.0, blocked=((3.0, 3.5), (5.0, 8.0)), preparation_s=1.5
)
SLOW = Timeline(
    begin_s=0.5, arrival_s=6.0, end_s=9.0, blocked=((6.0, 6.5), (8.0, 9.0)), preparation_s=1.5
)

lengths = st.floats(0, 10)
rank_lengths = st.tuples(lengths, lengths, lengths, lengths, lengths)


def test_a_round_takes_as_long_as_its_slowest_rank() -> None:
    assert round_s([FAST, SLOW]) == 8.5


def test_idle_ends_and_exposed_communication_begins_when_the_last_rank_arrives() -> None:
    fast, slow = rank_times([FAST, SLOW])
    assert (fast.train_s, slow.train_s) == (3.0, 5.5)
    assert (fast.straggler_idle_s, slow.straggler_idle_s) == (3.0, 0.0)
    # The fast rank prepared its next round for half of the time that it was ahead.
    assert (fast.blocked_idle_s, slow.blocked_idle_s) == (1.5, 0.0)
    assert (fast.exposed_communication_s, slow.exposed_communication_s) == (2.0, 1.5)


@given(st.lists(rank_lengths, min_size=1, max_size=5))
def test_the_parts_make_up_each_ranks_round(drawn: list[tuple[float, ...]]) -> None:
    timelines = []
    for begin, train, started, prepared, waited in drawn:
        arrival = begin + train
        wait = arrival + started + prepared
        blocked = ((arrival, arrival + started), (wait, wait + waited))
        timelines.append(Timeline(begin, arrival, wait + waited, blocked, prepared))
    for times in rank_times(timelines):
        parts = (times.train_s, times.blocked_idle_s, times.exposed_communication_s)
        assert sum(parts) + times.preparation_s == pytest.approx(times.rank_round_s, abs=1e-9)
        assert min(parts) >= -1e-9
        assert times.blocked_idle_s <= times.straggler_idle_s + 1e-9


def test_a_delayed_wait_is_exposed_from_when_the_last_rank_sent() -> None:
    before = [
        Timeline(0.0, 3.0, 4.0, ((3.0, 3.1),), 0.9),
        Timeline(0.0, 5.0, 6.0, ((5.5, 5.6),), 0.4),  # sends late, having waited itself
    ]
    after = [
        Timeline(4.0, 5.0, 8.0, ((7.0, 7.0),), 1.0, delayed=((5.0, 7.0),)),
        Timeline(6.0, 7.0, 8.0, ((7.0, 7.0),), 1.0, delayed=((7.0, 7.0),)),
    ]
    fast, slow = rank_times(after, before)
    assert (fast.blocked_idle_s, fast.exposed_communication_s) == (0.5, 1.5)
    assert (slow.blocked_idle_s, slow.exposed_communication_s) == (0.0, 0.0)
    # Nothing known of the round before: all of the wait counts.
    assert rank_times(after)[0].exposed_communication_s == 2.0
