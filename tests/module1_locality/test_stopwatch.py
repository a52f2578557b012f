"""Laps, and how long something ran alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from module1_locality.stopwatch import Span, Stopwatch, alone_s


def test_laps_are_kept_until_cleared() -> None:
    watch = Stopwatch()
    assert watch.mean_ms() is None
    for _ in range(2):
        with watch.lap():
            pass
    first, second = watch.spans()
    assert first[0] <= first[1] <= second[0] <= second[1]
    watch.clear()
    assert watch.spans() == []


@pytest.mark.parametrize(
    ("spans", "others", "expected"),
    [
        ([(0, 2)], [], 2),
        ([(0, 2)], [(0, 2)], 0),
        ([(0, 2)], [(1, 3)], 1),
        ([(1, 3)], [(0, 2)], 1),
        ([(0, 10)], [(1, 2), (4, 6)], 7),
        ([(0, 2), (4, 6)], [(1, 5)], 2),
        ([(2, 3)], [(0, 1), (5, 6)], 1),
    ],
)
def test_alone_is_what_the_others_leave(
    spans: list[Span], others: list[Span], expected: float
) -> None:
    assert alone_s(spans, others) == pytest.approx(expected)


IN_ORDER = st.lists(st.integers(0, 60), max_size=12, unique=True).map(
    lambda times: list(zip(sorted(times)[::2], sorted(times)[1::2], strict=False))
)


@given(IN_ORDER, IN_ORDER)
def test_alone_agrees_with_counting_seconds(spans: list[Span], others: list[Span]) -> None:
    def seconds(of: list[Span]) -> set[int]:
        return {second for start, end in of for second in range(int(start), int(end))}

    assert alone_s(spans, others) == len(seconds(spans) - seconds(others))
