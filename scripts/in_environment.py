"""Imported first by scripts that use the suite: where it is not installed, one sentence says so."""

import sys
from importlib.util import find_spec

if find_spec("crossscale_results") is None:
    print(
        f"error: the suite is not installed for {sys.executable}: activate its environment "
        "(`. .venv/bin/activate`), which scripts/reproduce makes",
        file=sys.stderr,
    )
    sys.exit(2)
