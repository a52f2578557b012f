"""A download is whole and right or it is not there: against a local server, through wfdb."""

import hashlib
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import wfdb

from crossscale_data import download as module
from crossscale_data.download import TRIES, DownloadError, download

FILES = {
    "100.hea": b"100 2 360 650000\n",
    "100.dat": bytes(range(256)) * 40,
    "100.atr": b"\x12\x70" * 50,
}
SUMS = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
PROJECT = "/content/mitdb/1.0.0/"
FOLDER = "/files/mitdb/1.0.0/"


@dataclass
class PhysioNet:
    """A server with PhysioNet's pages: what it holds, how it fails, what it was asked."""

    content: dict[str, bytes]  # by path
    failures: Counter[str] = field(default_factory=Counter)  # answers 503 so many times
    cut_short: Counter[str] = field(default_factory=Counter)  # hangs up so many times
    stalls: Counter[str] = field(default_factory=Counter)  # falls silent so many times
    closing: threading.Event = field(default_factory=threading.Event)  # ends every silence
    waited_out: list[str] = field(default_factory=list)  # silences that nobody gave up
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, range

    def gets(self, name: str) -> list[str]:
        """The range of each GET of that file; empty for the whole."""
        return [part for how, path, part in self.asked if (how, path) == ("GET", FOLDER + name)]


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD, whole or from a byte on."""

    physionet: PhysioNet

    def answer(self) -> None:
        net, part = self.physionet, self.headers.get("Range", "")
        net.asked.append((self.command, self.path, part))
        if net.failures[self.path] > 0:
            net.failures[self.path] -= 1
            self.send_error(503)
            return
        if self.path not in net.content:
            self.send_error(404)
            return
        content = net.content[self.path]
        start = int(re.sub(r"bytes=(\d+)-.*", r"\1", part)) if part else 0
        self.send_response(206 if part else 200)
        if part:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        end = len(content)
        if net.cut_short[self.path] > 0:
            net.cut_short[self.path] -= 1
            end = (start + end) // 2
        silent = net.stalls[self.path] > 0
        if silent:
            net.stalls[self.path] -= 1
            end = (start + end) // 2
        self.wfile.write(content[start:end])
        if silent and not net.closing.wait(20):
            net.waited_out.append(self.path)

    do_GET = do_HEAD = answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def physionet(monkeypatch: pytest.MonkeyPatch) -> Iterator[PhysioNet]:
    net = PhysioNet(
        {
            "/files/": b"",
            "/content/mitdb/": b"<html>\n<p>Version: 1.0.0</p>\n</html>",
            PROJECT: b"<html></html>",
            **{FOLDER + name: content for name, content in FILES.items()},
        }
    )
    handler = type("Answers", (Handler,), {"physionet": net})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    ask(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield net
    net.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


def ask(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let wfdb take that address for PhysioNet's."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(wfdb.io.download.config, "db_index_url", f"{address}/files/")
    monkeypatch.setattr(wfdb.io.download, "PN_CONTENT_URL", f"{address}/content/")


def get(directory: Path) -> None:
    download(directory, SUMS, progress=False, retry_wait_s=0)


def held(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def partial_with(folder: Path, files: dict[str, bytes]) -> Path:
    """What an interrupted download left."""
    partial = folder / "mitdb.partial"
    partial.mkdir()
    for name, content in files.items():
        (partial / name).write_bytes(content)
    return partial


def test_every_file_arrives_and_nothing_else_is_left(
    physionet: PhysioNet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    get(tmp_path / "new" / "mitdb")
    assert held(tmp_path / "new" / "mitdb") == FILES
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mitdb"]
    assert {name: len(physionet.gets(name)) for name in FILES} == dict.fromkeys(FILES, 1)
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_on_stderr(
    physionet: PhysioNet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download(tmp_path / "mitdb", SUMS, retry_wait_s=0)
    out, err = capsys.readouterr()
    assert out == ""
    assert "PhysioNet mitdb" in err
    assert "3/3" in err


def test_right_files_of_an_interrupted_download_are_kept(
    physionet: PhysioNet, tmp_path: Path
) -> None:
    partial_with(tmp_path, {"100.hea": FILES["100.hea"]})
    get(tmp_path / "mitdb")
    assert held(tmp_path / "mitdb") == FILES
    assert FOLDER + "100.hea" not in [path for _, path, _ in physionet.asked]


def test_a_part_of_a_file_is_continued(physionet: PhysioNet, tmp_path: Path) -> None:
    partial_with(tmp_path, {"100.dat": FILES["100.dat"][:5000]})
    get(tmp_path / "mitdb")
    assert held(tmp_path / "mitdb") == FILES
    assert physionet.gets("100.dat") == ["bytes=5000-"]


@pytest.mark.parametrize(
    "wrong",
    [b"not its beginning", FILES["100.dat"][:-1] + b"?", FILES["100.dat"] + b"more", b""],
)
def test_a_wrong_file_is_replaced(physionet: PhysioNet, tmp_path: Path, wrong: bytes) -> None:
    partial_with(tmp_path, {"100.dat": wrong})
    get(tmp_path / "mitdb")
    assert held(tmp_path / "mitdb") == FILES


def test_tampered_content_is_refused_and_the_rest_kept_for_the_next_time(
    physionet: PhysioNet, tmp_path: Path
) -> None:
    physionet.content[FOLDER + "100.dat"] = FILES["100.dat"][:-1] + b"?"
    with pytest.raises(DownloadError, match=r"100\.dat .* in 3 tries .*SHA-256"):
        get(tmp_path / "mitdb")
    assert len(physionet.gets("100.dat")) == TRIES == 3
    assert not (tmp_path / "mitdb").exists()
    assert "100.dat" not in held(tmp_path / "mitdb.partial")
    physionet.content[FOLDER + "100.dat"] = FILES["100.dat"]
    get(tmp_path / "mitdb")
    assert held(tmp_path / "mitdb") == FILES
    assert len(physionet.gets("100.hea")) == 1


@pytest.mark.parametrize("path", ["/content/mitdb/", PROJECT, FOLDER + "100.dat"])
def test_a_server_that_is_busy_twice_is_asked_a_third_time(
    physionet: PhysioNet, tmp_path: Path, path: str
) -> None:
    physionet.failures[path] = TRIES - 1
    get(tmp_path / "mitdb")
    assert held(tmp_path / "mitdb") == FILES


def test_a_server_that_stays_busy_is_given_up(physionet: PhysioNet, tmp_path: Path) -> None:
    physionet.failures[FOLDER + "100.atr"] = 99
    with pytest.raises(DownloadError, match=r"100\.atr could not be downloaded .* 503"):
        get(tmp_path / "mitdb")
    assert len(physionet.gets("100.atr")) == TRIES
    assert not (tmp_path / "mitdb").exists()


def test_tries_stand_further_and_further_apart(
    physionet: PhysioNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(module.time, "sleep", waits.append)
    physionet.failures[FOLDER + "100.atr"] = 99
    with pytest.raises(DownloadError):
        download(tmp_path / "mitdb", SUMS, progress=False)
    assert [wait for wait in waits if wait >= 1] == [2, 4]


def test_a_transfer_that_breaks_off_is_taken_up_again(physionet: PhysioNet, tmp_path: Path) -> None:
    physionet.cut_short[FOLDER + "100.dat"] = 2
    get(tmp_path / "mitdb")
    assert held(tmp_path / "mitdb") == FILES
    assert len(physionet.gets("100.dat")) == 3


@pytest.mark.parametrize("path", ["/content/mitdb/", FOLDER + "100.dat"])
def test_a_connection_that_stalls_is_given_up(
    physionet: PhysioNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(module, "READ_TIMEOUT_S", 0.5)
    physionet.stalls[path] = TRIES - 1
    get(tmp_path / "mitdb")
    assert held(tmp_path / "mitdb") == FILES
    physionet.stalls[path] = TRIES
    with pytest.raises(DownloadError, match=r"could not be downloaded in 3 tries .*[Tt]imed out"):
        get(tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert physionet.waited_out == []


@pytest.mark.parametrize("path", ["/content/mitdb/", FOLDER + "100.hea"])
def test_a_page_that_is_not_there_is_told(physionet: PhysioNet, tmp_path: Path, path: str) -> None:
    del physionet.content[path]
    with pytest.raises(DownloadError, match=r"100\.hea could not be downloaded .* 404"):
        get(tmp_path / "mitdb")


def test_a_page_without_a_version_is_told(physionet: PhysioNet, tmp_path: Path) -> None:
    physionet.content["/content/mitdb/"] = b"<html>Log in to the hotel's network</html>"
    with pytest.raises(DownloadError, match=r"100\.hea could not be downloaded"):
        get(tmp_path / "mitdb")


def test_no_connection_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ask(monkeypatch, f"http://127.0.0.1:{port}")  # nobody listens there any more
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"^no connection \(ConnectionError\)$"):
        get(tmp_path / "mitdb")
    assert time.monotonic() - start < 2
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_says_nothing_is_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ask(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(DownloadError, match="no connection"):
            get(tmp_path / "mitdb")
    assert list(tmp_path.iterdir()) == []
