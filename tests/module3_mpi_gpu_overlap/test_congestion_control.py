"""What TCP speaks by is told as the kernel has it; a loopback of one's own leaves the machine's."""

import subprocess
import sys
from pathlib import Path

import pytest

from module3_mpi_gpu_overlap import congestion_control as module
from module3_mpi_gpu_overlap.congestion_control import (
    CONGESTION_CONTROL,
    congestion_control,
    own_loopback,
)

OF_THIS_MACHINE = Path("/proc/sys/net/ipv4/tcp_congestion_control")
PROBE = """
import socket
from module3_mpi_gpu_overlap.congestion_control import congestion_control
server = socket.create_server(("127.0.0.1", 0))
with socket.create_connection(server.getsockname()) as client:
    client.sendall(b"over it")
    arrived = server.accept()[0].recv(7).decode()
print(congestion_control(), arrived)
"""


@pytest.mark.skipif(not OF_THIS_MACHINE.is_file(), reason="the kernel does not tell in /proc")
def test_a_new_socket_speaks_by_the_machines_own() -> None:
    assert congestion_control() == OF_THIS_MACHINE.read_text().strip()


def test_a_system_that_does_not_say_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("socket.TCP_CONGESTION", raising=False)
    assert congestion_control() == "unknown"


def test_a_process_without_a_network_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("socket.socket", refuse)
    assert congestion_control() == "unknown"


def test_a_loopback_of_ones_own_speaks_by_the_same_everywhere() -> None:
    start = own_loopback()
    if not start:
        pytest.skip("network namespaces cannot be made here")
    before = OF_THIS_MACHINE.read_text()
    done = subprocess.run(
        [*start, sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [CONGESTION_CONTROL, "over", "it"]
    assert OF_THIS_MACHINE.read_text() == before


@pytest.mark.parametrize("refusing", ["no tool", "no permission"])
def test_where_none_may_be_made_the_command_is_left_as_it_is(
    refusing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if refusing == "no tool":
        monkeypatch.setattr(module.shutil, "which", lambda _: None)
    else:
        fake = tmp_path / "unshare"
        fake.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin")
    assert own_loopback() == []
