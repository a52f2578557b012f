"""What a rank is at, and since when: the one thing that `stall_watch` looks at."""

import time


class Heartbeat:
    """Touched by whatever gets on; read by a thread of the same rank."""

    def __init__(self) -> None:
        """Something has just been done."""
        self._last = (time.monotonic(), "the other ranks to start", 0.0)

    def beat(self, waits_for: str = "", at_least_s: float = 0.0) -> None:
        """Something was done; what comes next is to wait for that, or for what it was before.

        `at_least_s` is what it may take, whatever the limit, until something else is named.
        """
        _, before, before_s = self._last
        what, patience_s = (waits_for, at_least_s) if waits_for else (before, before_s)
        self._last = (time.monotonic(), what, patience_s)  # one assignment: never half-read

    def left_s(self, limit_s: float) -> tuple[float, str]:
        """Seconds until what is waited for takes too long, 0 or less if it does; and what it is."""
        since_s, what, patience_s = self._last
        return since_s + max(limit_s, patience_s) - time.monotonic(), what
