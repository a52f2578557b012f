"""Ctrl-C while a command is still loading its libraries: one sentence, as later (`cli.run`).

Imported by every package's `__init__` before anything that takes time.
"""

import sys
from types import TracebackType

INTERRUPTED = "error: interrupted; what was finished is kept"


def tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """The sentence for Ctrl-C; for all else what Python would show."""
    if issubclass(kind, KeyboardInterrupt):
        print(INTERRUPTED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


# What `python -m` is about to run is not known yet: a command, and nobody's library.
if sys.argv[:1] == ["-m"]:
    sys.excepthook = tell
