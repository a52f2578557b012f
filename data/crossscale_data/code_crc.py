"""Which code a file was made by: what yesterday's code made must not pass for today's."""

import zlib
from collections.abc import Iterable
from pathlib import Path

_FOLDER = Path(__file__).parent


def code_crc(modules: Iterable[str], folder: Path | None = None) -> int:
    """CRC-32 of those modules' sources; comments count, too.

    Args:
        modules: names of files, without `.py`.
        folder: the package that they are in; this one if none.
    """
    crc = 0
    for module in modules:
        crc = zlib.crc32(((folder or _FOLDER) / f"{module}.py").read_bytes(), crc)
    return crc
