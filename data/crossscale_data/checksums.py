"""SHA-256 of a database's files against the sums that were published (or generated) with it."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

from crossscale_data.errors import DataError

SYNTHETIC_MARKER = "SYNTHETIC.json"


def published_sums() -> dict[str, str]:
    """PhysioNet's SHA-256 sums of MIT-BIH 1.0.0's 144 files, as shipped with this package."""
    text = files("crossscale_data").joinpath("mitdb.sha256").read_text()
    return {name: digest for digest, name in (line.split() for line in text.splitlines())}


def expected_sums(directory: Path) -> tuple[str, dict[str, str]]:
    """Which dataset the folder claims to be (`mitdb` or `synthetic`), and its files' sums.

    Raises:
        DataError: the synthetic database's marker file is damaged.
    """
    marker = directory / SYNTHETIC_MARKER
    if not marker.is_file():
        return "mitdb", published_sums()
    try:
        listed = json.loads(marker.read_text())["sha256"]
        sums = {str(name): str(digest) for name, digest in listed.items()}
        if sums.keys() != published_sums().keys():
            raise ValueError("it does not list the database's files")
        return "synthetic", sums
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{marker} is damaged ({error}): remove the folder, it is made again when needed"
        ) from error


def file_sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wrong_files(directory: Path, sums: dict[str, str]) -> dict[str, str]:
    """Files of `sums` that are not as they should be, each with what is wrong with it."""
    problems = {}
    for name, digest in sums.items():
        path = directory / name
        if not path.is_file():
            problems[name] = "missing"
        elif file_sha256(path) != digest:
            problems[name] = "wrong checksum"
    return problems


def database_checksum(sums: dict[str, str]) -> str:
    """One short name for a whole database: 16 hexadecimal digits."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]
