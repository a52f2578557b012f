"""One sentence instead of a signal's silence when a mapped file is cut while it is being read.

Reading a mapped page beyond the file's new end raises SIGBUS in the thread that reads. Python's own
`signal` cannot help: its handlers run between bytecodes, and the read that fails never ends. A
handler given to the C library runs at once, says what happened, and ends the process, with all its
threads, before anything waits for the one that stands still.
"""

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

from crossscale_results.cli import EXIT_USER_ERROR

_HandlerType = ctypes.CFUNCTYPE(None, ctypes.c_int)
_kept: list[Callable[[int], None]] = []  # the C library has only its address


def explain_bus_error(path: Path) -> bool:
    """From now on end with one sentence about `path` on SIGBUS; False where it cannot be asked.

    Worker processes of torch set a handler of their own and do not come here.
    """
    sentence = (
        f"error: {path} was cut while it was being read: remove it, it is prepared again when "
        "needed\n"
    ).encode()

    def handle(_: int) -> None:
        # Between a read of memory and the one thread that did it: nothing else may be touched.
        os.write(2, sentence)
        os._exit(EXIT_USER_ERROR)

    handler = _HandlerType(handle)
    try:
        set_handler = ctypes.CDLL(None).signal
    except (OSError, AttributeError):
        return False
    set_handler.restype = ctypes.c_void_p
    set_handler(ctypes.c_int(signal.SIGBUS), handler)
    _kept[:] = [handler]
    return True
