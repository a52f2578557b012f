"""`python -m crossscale_data fetch | verify | info | source | prepare`: data from the shell."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from typing_extensions import Doc

from crossscale_data.checksums import expected_sums, published_sums, wrong_files
from crossscale_data.download import download
from crossscale_data.errors import DataError
from crossscale_data.info import database_table
from crossscale_data.prepared import VIEWS, prepare, prepared_folder
from crossscale_data.source import (
    Source,
    cache_home,
    check_source,
    database_lock,
    find_source,
    synthetic_source,
)
from crossscale_results.cli import run

DataDir = Annotated[
    Path | None,
    Doc("Folder of the WFDB files; by default CROSSSCALE_MITDB, the cache, PhysioNet, synthetic."),
]


@dataclass(frozen=True)
class Fetch:
    """Get a database into the cache: MIT-BIH from PhysioNet, or the synthetic one."""

    synthetic: Annotated[bool, Doc("Make the synthetic database instead of downloading.")] = False


@dataclass(frozen=True)
class Verify:
    """Check every file of a database against its SHA-256, and name the wrong ones."""

    data_dir: DataDir = None


@dataclass(frozen=True)
class Info:
    """Print a database's records, with beats by class and split."""

    data_dir: DataDir = None


@dataclass(frozen=True)
class Where:
    """Find a database, and print its folder, dataset and checksum as one line of JSON."""

    data_dir: DataDir = None


@dataclass(frozen=True)
class Prepare:
    """Write the memory-mapped windows and beats, anew even where they exist."""

    data_dir: DataDir = None
    baseline_removed: Annotated[bool, Doc("Remove baseline wander (de Chazal 2004).")] = True


Command = (
    Annotated[Fetch, tyro.conf.subcommand("fetch")]
    | Annotated[Verify, tyro.conf.subcommand("verify")]
    | Annotated[Info, tyro.conf.subcommand("info")]
    | Annotated[Where, tyro.conf.subcommand("source")]
    | Annotated[Prepare, tyro.conf.subcommand("prepare")]
)


def fetch(command: Fetch) -> None:
    """Bring a database into the cache, unless it is there and whole."""
    with database_lock():
        if command.synthetic:
            source = synthetic_source(cache_home() / "synthetic")
        else:
            directory = cache_home() / "mitdb"
            if directory.is_dir() and wrong_files(directory, published_sums()):
                # What is right of a damaged copy is kept, the rest is downloaded again.
                partial = directory.with_name("mitdb.partial")
                shutil.rmtree(partial, ignore_errors=True)
                directory.rename(partial)
            if not directory.is_dir():
                download(directory, published_sums())
            source = check_source(directory, "cached")
    print(source)


def verify(command: Verify) -> None:
    """Raise DataError naming every file that is missing or has the wrong checksum."""
    if command.data_dir is None:
        source = find_source()
        print(f"every file has its published SHA-256: {source}")
        return
    if not command.data_dir.is_dir():
        raise DataError(f"there is no folder {command.data_dir}: name one that exists")
    dataset, sums = expected_sums(command.data_dir)
    problems = wrong_files(command.data_dir, sums)
    for name, problem in problems.items():
        print(f"{name}: {problem}")
    if problems:
        raise DataError(
            f"{len(problems)} of the {len(sums)} files in {command.data_dir} are not as published"
        )
    print(f"all {len(sums)} files have their published SHA-256: dataset={dataset}")


def info(command: Info) -> None:
    """Print the table of records."""
    source = find_source(command.data_dir)
    print(source)
    print(database_table(source.directory))


def where(command: Where) -> None:
    """Print what scripts/reproduce reads."""
    source = find_source(command.data_dir)
    directory = str(source.directory.resolve())
    facts = {"directory": directory, "dataset": source.dataset, "checksum": source.checksum}
    print(json.dumps(facts))


def prepare_views(command: Prepare) -> None:
    """Write both views and say how long it took."""
    source: Source = find_source(command.data_dir)
    print(source)
    folder = prepared_folder(source, command.baseline_removed)
    start = time.perf_counter()
    prepare(source, folder, command.baseline_removed)
    seconds = time.perf_counter() - start
    for view in VIEWS:
        path = folder / f"{view}.shard"
        print(f"{view}: {path.stat().st_size / 1e6:.0f} MB in {path}")
    print(f"prepared in {seconds:.1f} s")


_WORK: dict[type, Callable[[Any], None]] = {
    Fetch: fetch,
    Verify: verify,
    Info: info,
    Where: where,
    Prepare: prepare_views,
}


def main() -> int:
    """Parse the command line and do what it says."""
    return run(
        Command,
        lambda command: _WORK[type(command)](command),
        prog="python -m crossscale_data",
        description="MIT-BIH Arrhythmia Database: fetch, verify, look at and prepare it.",
    )


if __name__ == "__main__":
    sys.exit(main())
