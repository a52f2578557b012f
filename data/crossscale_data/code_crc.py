"""Which code a prepared file was made by: what yesterday's code made must not pass for today's."""

import zlib
from collections.abc import Iterable
from pathlib import Path

_FOLDER = Path(__file__).parent


def code_crc(modules: Iterable[str]) -> int:
    """CRC-32 of the sources of those modules of this package; comments count, too."""
    crc = 0
    for module in modules:
        crc = zlib.crc32((_FOLDER / f"{module}.py").read_bytes(), crc)
    return crc
