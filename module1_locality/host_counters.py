"""What the kernel and the processor counted while a fragment ran."""

import resource
from dataclasses import dataclass

from module1_locality.perf_events import EVENTS, Reading, Unavailable, difference, read_event


@dataclass(frozen=True)
class HostCounts:
    """Of this process, all its threads together; worker processes are in the misses alone."""

    minor_faults: int
    major_faults: int
    voluntary_switches: int
    involuntary_switches: int
    cache_misses: int | Unavailable
    tlb_misses: int | Unavailable


class HostCounters:
    """Counts from its making on."""

    def __init__(self) -> None:
        self._events = _read()
        self._usage = resource.getrusage(resource.RUSAGE_SELF)

    def so_far(self) -> HostCounts:
        """The counts since."""
        usage, before = resource.getrusage(resource.RUSAGE_SELF), self._usage
        events = _read()
        return HostCounts(
            minor_faults=usage.ru_minflt - before.ru_minflt,
            major_faults=usage.ru_majflt - before.ru_majflt,
            voluntary_switches=usage.ru_nvcsw - before.ru_nvcsw,
            involuntary_switches=usage.ru_nivcsw - before.ru_nivcsw,
            **{name: difference(self._events[name], events[name]) for name in EVENTS},
        )


def _read() -> dict[str, Reading | Unavailable]:
    return {name: read_event(name) for name in EVENTS}
