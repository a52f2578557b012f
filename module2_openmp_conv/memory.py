"""How large the last-level cache is and how much memory is free, as Linux tells."""

from functools import cache
from pathlib import Path

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
MEMORY = Path("/proc/meminfo")
_ASSUMED_CACHE_BYTES = 64 << 20  # where the system does not tell: more than most cores share
_ASSUMED_FREE_BYTES = 1 << 30
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@cache
def last_level_cache_bytes() -> int:
    """The largest cache of the first core: on a shared machine also other guests' part."""
    sizes = [
        int(text[:-1]) * _UNITS[text[-1]]
        for path in CACHES.glob("index*/size")
        if (text := path.read_text().strip())[-1] in _UNITS
    ]
    return max(sizes, default=_ASSUMED_CACHE_BYTES)


def available_bytes() -> int:
    """Memory that can be had without swapping."""
    lines = MEMORY.read_text().splitlines() if MEMORY.is_file() else []
    found = [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else _ASSUMED_FREE_BYTES


def beyond_caches_bytes(share: float, times: float) -> int:
    """So many times the last-level cache, but no more than that share of the free memory."""
    return int(min(times * last_level_cache_bytes(), share * available_bytes()))
