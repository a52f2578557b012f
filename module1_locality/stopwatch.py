"""Wall times, lap by lap."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

Span = tuple[float, float]  # from, to: seconds on the clock of `time.perf_counter`


class Stopwatch:
    """Notes laps; one thread times them, another may clear or read."""

    def __init__(self) -> None:
        self._laps: list[Span] = []

    @contextmanager
    def lap(self) -> Iterator[None]:
        """Time the block."""
        start = perf_counter()
        yield
        self._laps.append((start, perf_counter()))

    def add(self, lap: Span) -> None:
        """Note a lap that was timed elsewhere."""
        self._laps.append(lap)

    def clear(self) -> None:
        """Forget the laps so far."""
        self._laps = []

    def spans(self) -> list[Span]:
        """The laps so far."""
        return list(self._laps)

    def mean_ms(self) -> float | None:
        """Mean lap; None if there was none."""
        return mean_ms(self._laps)


def mean_ms(spans: Sequence[Span]) -> float | None:
    """Mean length of the spans; None of none."""
    return 1e3 * sum(end - start for start, end in spans) / len(spans) if spans else None


def alone_s(spans: Sequence[Span], others: Sequence[Span]) -> float:
    """Seconds in which one of `spans` ran and none of `others`; each sequence is in order."""
    total, done = 0.0, 0
    for start, end in spans:
        at = start
        while done < len(others) and others[done][1] <= at:
            done += 1
        for other_start, other_end in others[done:]:
            if other_start >= end:
                break
            total += max(0.0, other_start - at)
            at = max(at, other_end)
        total += max(0.0, end - at)
    return total
