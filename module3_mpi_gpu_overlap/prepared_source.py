"""The database that a bench's runs read, found and prepared before the first of them is timed."""

from pathlib import Path

from crossscale_data.prepared import load_beats
from crossscale_data.source import Source, find_source


def prepared_source(data_dir: Path | None) -> Source:
    """The database, told on the screen; its beats are prepared, so that no run has to.

    Raises:
        DataError: the folder that was named is not the whole, undamaged database.
    """
    source = find_source(data_dir)
    load_beats(source)
    print(source)
    return source
