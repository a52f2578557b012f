"""MIT-BIH downloaded from PhysioNet through wfdb: with progress, retries, resume and checksums.

wfdb is imported where it downloads: every command asks this file first, and few download.
"""

import contextlib
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm

from crossscale_data.checksums import file_sha256
from crossscale_data.errors import DataError

DATABASE = "mitdb"
TRIES = 3
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0  # without a byte


class DownloadError(DataError):
    """PhysioNet could not be reached, or what it sent is not what it published."""


def download(
    directory: Path, sums: dict[str, str], progress: bool = True, retry_wait_s: float = 2.0
) -> None:
    """Download every file of `sums` and check it; `directory` appears only once all are right.

    An interrupted download is taken up again where it was: files are gathered in
    `<directory>.partial`, right ones are kept, part ones continued (by wfdb), wrong ones removed.

    Raises:
        DownloadError: no connection, or a file is still wrong, or the server silent, after `TRIES`
            tries.
    """
    _require_connection()
    partial = directory.with_name(f"{directory.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    missing = [name for name in sums if not _is_right(partial / name, sums[name])]
    with tqdm(total=len(sums), unit="file", desc="PhysioNet mitdb", disable=not progress) as bar:
        bar.update(len(sums) - len(missing))
        for name in missing:
            _download_file(partial, name, sums[name], retry_wait_s)
            bar.update()
    partial.rename(directory)


def _download_file(partial: Path, name: str, digest: str, retry_wait_s: float) -> None:
    import wfdb

    problem = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(retry_wait_s * attempt)
        try:
            # wfdb prints for every file.
            with contextlib.redirect_stdout(io.StringIO()), _within_timeouts():
                wfdb.dl_files(DATABASE, str(partial), [name], keep_subdirs=False)
        except Exception as error:  # wfdb and its HTTP library raise many kinds
            problem = f"{type(error).__name__}: {error}"
            continue
        if _is_right(partial / name, digest):
            return
        (partial / name).unlink(missing_ok=True)  # complete but wrong: never continue it
        problem = "its SHA-256 is not the published one"
    raise DownloadError(f"{name} could not be downloaded in {TRIES} tries ({problem})")


@contextlib.contextmanager
def _within_timeouts() -> Iterator[None]:
    """wfdb sets none: once a server stalls it would wait for ever, with the database locked."""
    request = requests.Session.request

    def request_within_timeouts(*args: Any, **options: Any) -> requests.Response:
        options.setdefault("timeout", (CONNECT_TIMEOUT_S, READ_TIMEOUT_S))
        return request(*args, **options)

    requests.Session.request = request_within_timeouts  # type: ignore[method-assign]
    try:
        yield
    finally:
        requests.Session.request = request  # type: ignore[method-assign]


def _require_connection() -> None:
    import wfdb

    url = wfdb.io.download.config.db_index_url
    try:
        requests.head(url, timeout=CONNECT_TIMEOUT_S)
    except requests.RequestException as error:
        raise DownloadError(f"no connection ({type(error).__name__})") from error


def _is_right(path: Path, digest: str) -> bool:
    return path.is_file() and file_sha256(path) == digest
