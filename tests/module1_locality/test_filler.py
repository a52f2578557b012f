"""The filler thread: order, back-pressure, errors and early stops."""

from itertools import islice
from threading import Thread

import pytest

from module1_locality.filler import Filler

pytestmark = pytest.mark.usefixtures("no_thread_left")


class Source:
    """Fills slots with 0, 1, 2 …; ends or fails at a number."""

    def __init__(self, end: int | None = None, failure: int | None = None) -> None:
        self.filled = 0
        self._end, self._failure = end, failure

    def __call__(self, slot: list[int]) -> bool:
        if self.filled == self._failure:
            raise ValueError("the shard is gone")
        if self.filled == self._end:
            return False
        slot[:] = [self.filled]
        self.filled += 1
        return True


def consume(filler: Filler[list[int]], seen: list[int], until: int | None = None) -> None:
    """Take all batches; fail at the number `until`."""
    with filler:
        for slot in filler.filled():
            if slot[0] == until:
                raise KeyError(until)
            seen += slot
            filler.release(slot)


def test_batches_come_in_order_through_few_slots() -> None:
    seen: list[int] = []
    consume(Filler([[], []], Source(end=20)), seen)
    assert seen == list(range(20))


def test_no_more_is_filled_than_there_are_slots() -> None:
    source = Source()
    with Filler([[], [], []], source) as filler:
        held = list(islice(filler.filled(), 3))
        assert [slot[0] for slot in held] == [0, 1, 2]
        assert source.filled == 3  # nothing was released, so nothing more can be filled


def test_an_error_comes_after_the_batches_before_it_and_the_thread_ends() -> None:
    seen: list[int] = []
    with pytest.raises(ValueError, match="the shard is gone"):
        consume(Filler([[], []], Source(failure=3)), seen)
    assert seen == [0, 1, 2]


def test_an_early_stop_ends_the_thread() -> None:
    with Filler([[], []], Source()) as filler:
        first = next(filler.filled())
    assert first == [0]


def test_the_consumers_own_error_ends_the_thread_and_is_kept() -> None:
    seen: list[int] = []
    with pytest.raises(KeyError):
        consume(Filler([[], []], Source()), seen, until=2)
    assert seen == [0, 1]


def test_an_interrupt_as_the_thread_starts_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    start = Thread.start

    def interrupted(thread: Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), Filler([[], []], Source()):
        pytest.fail("the context was entered")
