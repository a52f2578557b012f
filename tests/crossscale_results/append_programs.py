"""What the tests' other processes run: rows appended when told to, some times or until killed.

Started by test_writer.py; no test itself.
"""

import sys
from itertools import count, islice
from pathlib import Path

from toy import PROVENANCE, TOY, toy_row

from crossscale_results.writer import append_rows


def main(folder: str, seed: str, appends: str) -> None:
    """Append two long rows at a time; 0 appends are without end."""
    print("ready", flush=True)
    sys.stdin.readline()  # the test says when
    for i in islice(count(), int(appends) or None):
        long_text = f'{seed} said "{i}", ' * 100
        rows = [toy_row(repeat=2 * i + j, seed=int(seed), kernel=long_text) for j in range(2)]
        append_rows(TOY, Path(folder), PROVENANCE, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
