"""Ctrl-C while a command is still loading its libraries: one sentence, as later (`cli.run`).

Imported by every package's `__init__` before anything that takes time.
"""

import sys
from pathlib import Path
from types import TracebackType

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"  # in a checkout
INTERRUPTED = "error: interrupted; what was finished is kept"


def tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """The sentence for Ctrl-C; for all else what Python would show."""
    if issubclass(kind, KeyboardInterrupt):
        print(INTERRUPTED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def is_command(program: str) -> bool:
    """Whether that program (`sys.argv[0]`) is a command of the suite, and not somebody's own.

    While `python -m` looks for what it is to run, and so loads its package, it is called `-m`.
    """
    return program == "-m" or Path(program).resolve().parent == SCRIPTS


if is_command(sys.argv[0]):
    sys.excepthook = tell
