"""The frame around every command: arguments in, one sentence out when something is wrong."""

import errno
import sys
from collections.abc import Callable
from typing import Any

import tyro

from crossscale_results.errors import UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


def run(config_type: Any, work: Callable[[Any], None], prog: str, description: str) -> int:
    """Parse the command line into `config_type`, do the work, and give the exit status.

    A UserError, a full disk and Ctrl-C end in one sentence on stderr, never in a traceback.

    Args:
        config_type: a frozen dataclass, or a union of them for subcommands.
        work: called with the parsed configuration.
        prog: the command's name in its help.
        description: what the command does.
    """
    config = tyro.cli(config_type, prog=prog, description=description)
    try:
        work(config)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" at {error.filename}" if error.filename else ""
        print(f"error: the disk is full{where}: make room and run again", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("error: interrupted; what was finished is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0
