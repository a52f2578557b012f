"""The task every module trains on: MIT-BIH read, labelled, split, prepared, classified and scored.

Start with `find_source` (which database?), then `load_beats` or `load_windows` (memory-mapped
views of it). `python -m crossscale_data` offers fetch, verify, info and prepare.
"""

from crossscale_data.errors import DataError
from crossscale_data.prepared import Beats, Windows, load_beats, load_windows
from crossscale_data.source import Source, find_source

__all__ = [
    "Beats",
    "DataError",
    "Source",
    "Windows",
    "find_source",
    "load_beats",
    "load_windows",
]
