"""Host time spent in laps, added up."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """Adds up laps; one thread times them, another may clear or read."""

    def __init__(self) -> None:
        self._laps_s: list[float] = []

    @contextmanager
    def lap(self) -> Iterator[None]:
        """Time the block."""
        start = perf_counter()
        yield
        self._laps_s.append(perf_counter() - start)

    def clear(self) -> None:
        """Forget the laps so far."""
        self._laps_s = []

    def mean_ms(self) -> float | None:
        """Mean lap; None if there was none."""
        return 1e3 * sum(self._laps_s) / len(self._laps_s) if self._laps_s else None
