"""The frame around every command: arguments in, one sentence out when something is wrong."""

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import Any

import tyro

from crossscale_results.errors import UserError
from crossscale_results.interrupts import INTERRUPTED

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended
_FULL = (errno.ENOSPC, errno.EDQUOT)
# A place that the user named, or that the machine has, and that is not what a command needs.
_UNFIT = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EFBIG),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG),
)


def run(config_type: Any, work: Callable[[Any], None], prog: str, description: str) -> int:
    """Parse the command line into `config_type`, do the work, and give the exit status.

    A UserError, a full disk, a file that may not be written or read, and Ctrl-C end in one sentence
    on stderr, never in a traceback.

    Args:
        config_type: a frozen dataclass, or a union of them for subcommands.
        work: called with the parsed configuration.
        prog: the command's name in its help.
        description: what the command does.

    Raises:
        SystemExit: the command line asks for help (status 0) or cannot be parsed (status 2).
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may be any bytes
    config = tyro.cli(config_type, prog=prog, description=description)
    try:
        work(config)
        sys.stdout.flush()
    except UserError as error:
        return _tell(str(error), EXIT_USER_ERROR)
    except BrokenPipeError:
        # The reader of our output is gone (`| head`): nobody is left to tell.
        _empty_stdout()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        if error.errno in _FULL:
            where = f" at {error.filename}" if error.filename else ""
            return _tell(f"the disk is full{where}: make room and run again", EXIT_USER_ERROR)
        if error.errno in _UNFIT and error.filename:
            return _tell(
                f"{error.filename} cannot be written or read ({error.strerror}): mend that, or "
                "name another place",
                EXIT_USER_ERROR,
            )
        raise
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _tell(sentence: str, status: int) -> int:
    _empty_stdout()
    print(f"error: {' '.join(sentence.split())}", file=sys.stderr)
    return status


def _empty_stdout() -> None:
    """Write what was printed, or drop it: Python's own try at its end would show a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
