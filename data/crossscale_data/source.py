"""Which database is used: named by the user, cached, downloaded, or synthetic, in this order."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock

from crossscale_data.checksums import (
    database_checksum,
    expected_sums,
    published_sums,
    wrong_files,
)
from crossscale_data.download import DownloadError, download
from crossscale_data.errors import DataError

DATABASE_VARIABLE = "CROSSSCALE_MITDB"
HOME_VARIABLE = "CROSSSCALE_HOME"


@dataclass(frozen=True)
class Source:
    """A database whose every file was checked."""

    directory: Path
    dataset: str  # `mitdb` or `synthetic`
    checksum: str  # of all its files together, 16 hexadecimal digits
    origin: str  # how it was found, for the screen

    def __str__(self) -> str:
        return f"dataset={self.dataset} ({self.origin}, {self.directory})"


def find_source(data_dir: Path | None = None) -> Source:
    """Find a database and check all its files.

    Args:
        data_dir: the folder that holds the WFDB files; None looks at the variable
            `CROSSSCALE_MITDB`, then in the cache, then downloads, and where that cannot be done
            makes a synthetic database.

    Raises:
        DataError: the folder that was named is not the whole, undamaged database.
    """
    if data_dir is not None:
        return check_source(data_dir, "named by --data-dir")
    if named := os.environ.get(DATABASE_VARIABLE):
        return check_source(Path(named), f"named by {DATABASE_VARIABLE}")
    with database_lock():
        cached = cache_home() / "mitdb"
        if cached.is_dir():
            return check_source(cached, "cached")
        try:
            download(cached, published_sums())
            return check_source(cached, "downloaded from PhysioNet")
        except DownloadError as error:
            print(f"PhysioNet was not used: {error}", file=sys.stderr)
        return synthetic_source(cache_home() / "synthetic")


def database_lock() -> FileLock:
    """Held while a database is brought into the cache: the ranks of one run all come at once."""
    cache_home().mkdir(parents=True, exist_ok=True)
    return FileLock(cache_home() / "database.lock")


def synthetic_source(directory: Path) -> Source:
    """The synthetic database in that folder, made there first if need be."""
    from crossscale_data import synthetic  # only here: most runs never make it

    if not directory.is_dir():
        print(f"no MIT-BIH database: making a synthetic one in {directory}", file=sys.stderr)
        directory.parent.mkdir(parents=True, exist_ok=True)
        synthetic.generate(directory)
    return check_source(directory, "made here")


def check_source(directory: Path, origin: str) -> Source:
    """The database in that folder, every file checked against its published SHA-256.

    Raises:
        DataError: the folder is missing, or a file in it is missing or has the wrong checksum.
    """
    if not directory.is_dir():
        raise DataError(f"there is no folder {directory} ({origin}): name one that exists")
    dataset, sums = expected_sums(directory)
    if problems := wrong_files(directory, sums):
        name, problem = next(iter(problems.items()))
        remedy = "`python -m crossscale_data fetch` gets it anew"
        if dataset == "synthetic":
            remedy = "remove the folder, it is made again when needed"
        raise DataError(
            f"{directory} ({origin}) is not the whole database: {name} {_as_clause(problem)}"
            f"{f' ({len(problems)} files in all)' if len(problems) > 1 else ''}; {remedy}"
        )
    return Source(directory, dataset, database_checksum(sums), origin)


def cache_home() -> Path:
    """Where databases and prepared files are kept: the user's data home, or `CROSSSCALE_HOME`."""
    if named := os.environ.get(HOME_VARIABLE):
        return Path(named)
    return platformdirs.user_data_path("crossscale-ecg")


def _as_clause(problem: str) -> str:
    return "is missing" if problem == "missing" else "has the wrong checksum"
