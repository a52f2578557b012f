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


def is_script(program: str) -> bool:
    """Whether that program (`sys.argv[0]`) is one of the checkout's scripts, not somebody's own."""
    from pathlib import Path  # takes some milliseconds, in which `python -m` is to answer already

    return Path(program).resolve().parent == Path(__file__).resolve().parents[2] / "scripts"


# While `python -m` looks for what it is to run, and so loads its package, it is called `-m`.
if sys.argv[0] == "-m" or is_script(sys.argv[0]):
    sys.excepthook = tell
