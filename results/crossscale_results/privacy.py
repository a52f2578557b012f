"""What would tell whose machine or account a row came from."""

import os
import re
import socket
from functools import cache

# A slash that begins a path, after a character that ends a word; `N/S`, `km / h` and the `//` of a
# URL are none. Also ~/, ~user/, C:\ and C:/.
_ABSOLUTE_PATH = re.compile(
    r"""(?:^|[\s'"`=(\[{<,;|])(?:/+[\w.~]|~[\w.-]*/|[A-Za-z]:[\\/])|:/[\w.]|\bfile:/"""
)


def private_part(text: str, may_hold_host_name: bool = False) -> str:
    """What in the text is private, in words; empty if nothing is.

    Looks for absolute paths, this account's home folder and this machine's name (of more than
    three letters, with and without its domain), unless that may be there by chance.
    """
    if _ABSOLUTE_PATH.search(text):
        return "an absolute path"
    home = os.path.expanduser("~").rstrip("/")  # noqa: PTH111 - Path.home() fails where none is
    if home not in ("", "~") and re.search(rf"{re.escape(home)}(?!\w)", text):
        return "the home folder"
    if may_hold_host_name:
        return ""
    if any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", text, re.IGNORECASE) for n in _host_names()):
        return "this machine's name"
    return ""


@cache
def _host_names() -> tuple[str, ...]:
    full = socket.gethostname()
    names = {full, full.split(".")[0]} - {"localhost"}
    return tuple(name for name in names if len(name) > 3)
