"""Real hosts made of namespaces: ranks on them, their links, and that nothing is left behind.

Skipped, with the reason, where namespaces may not be made.
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap import virtual_cluster
from module3_mpi_gpu_overlap.virtual_cluster import NotPermittedError, VirtualCluster, check
from module3_mpi_gpu_overlap.virtual_hosts import cores_of, mpich_variables

SCRIPT = Path(__file__).parents[2] / "scripts" / "namespaces"
LIMIT_S = 90
WHERE = """\
import json, os, subprocess
from mpi4py import MPI
comm = MPI.COMM_WORLD
node = comm.Split_type(MPI.COMM_TYPE_SHARED)
told = subprocess.run(["ip", "-4", "-o", "address", "show", "e0"], capture_output=True, text=True)
address = told.stdout.split()[3]
sums = comm.allreduce(comm.rank)
everything = comm.gather((address, node.size, os.environ["CROSSSCALE_LINK"], sums))
if comm.rank == 0:
    print(json.dumps(everything))
"""
SPOKEN = """\
import json
from mpi4py import MPI
own = open("/proc/sys/net/ipv4/tcp_congestion_control").read().strip()
spoken = MPI.COMM_WORLD.gather(own)
if spoken:
    print(json.dumps(spoken))
"""

Cluster = Callable[..., subprocess.CompletedProcess[str]]


def start(options: list[str], program: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *options, "--", sys.executable, *program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def cluster(virtual_hosts_permitted: None) -> Cluster:
    """`cluster(options, program)`: a finished run of scripts/namespaces."""

    def run(options: list[str], program: list[str]) -> subprocess.CompletedProcess[str]:
        child = start(options, program)
        try:
            out, err = child.communicate(timeout=LIMIT_S)
        finally:
            child.kill()
            child.wait()
        return subprocess.CompletedProcess(child.args, child.returncode, out, err)

    return run


@pytest.fixture
def sleepers(
    virtual_hosts_permitted: None,
) -> Iterator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    """Clusters whose ranks sleep: the process, and a word that their command lines hold."""
    children = []

    def make() -> tuple[subprocess.Popen[str], str]:
        word = f"sleeper-{uuid.uuid4().hex}"
        code = "from mpi4py import MPI; import time; print(0, flush=True); time.sleep(300)"
        child = start(["--hosts", "2", "--rate", "50mbit"], ["-c", code, word])
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline()  # the ranks run
        return child, word

    yield make
    for child in children:
        child.kill()
        child.wait()


def alive(word: str) -> list[str]:
    """Command lines of processes that hold the word."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended meanwhile
    return [line for line in lines if word in line]


def gone(word: str, within_s: float = 10.0) -> bool:
    end_s = time.monotonic() + within_s
    while alive(word):
        if time.monotonic() > end_s:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.mpi
@pytest.mark.slow
@pytest.mark.alone
def test_every_rank_is_a_host_with_its_own_address(cluster: Cluster) -> None:
    done = cluster(["--hosts", "3", "--rate", "100mbit"], ["-c", WHERE])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [rank[0] for rank in told] == [f"198.18.0.{i}/15" for i in (1, 2, 3)]
    assert all(rank[1:] == [1, "3 hosts, 100 Mbit/s", 3] for rank in told)


@pytest.mark.mpi
@pytest.mark.slow
def test_hosts_speak_the_same_tcp_whatever_the_kernels_default_is(cluster: Cluster) -> None:
    where = Path("/proc/sys/net/ipv4/tcp_congestion_control")
    before = where.read_text()
    done = cluster(["--hosts", "2"], ["-c", SPOKEN])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["reno"] * 2
    assert where.read_text() == before  # this machine's own is left alone


@pytest.mark.mpi
@pytest.mark.slow
def test_ranks_of_a_host_share_its_address_and_its_memory(cluster: Cluster) -> None:
    done = cluster(["--hosts", "2", "--ranks-per-host", "2"], ["-c", WHERE])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [rank[0] for rank in told] == ["198.18.0.1/15"] * 2 + ["198.18.0.2/15"] * 2
    assert all(rank[1:] == [2, "2 hosts, unshaped", 6] for rank in told)


@pytest.mark.mpi
@pytest.mark.slow
@pytest.mark.alone
def test_mpi_measures_the_stated_rate_on_every_link(cluster: Cluster) -> None:
    probe = ["-m", "module3_mpi_gpu_overlap.link_probe", "--bytes", "1000000"]
    done = cluster(["--hosts", "2", "--rate", "40mbit"], probe)
    assert done.returncode == 0, done.stderr
    rates = [8 * 1_000_000 / seconds for seconds in json.loads(done.stdout)]
    assert rates == pytest.approx([40e6, 40e6], rel=0.10)


@pytest.mark.mpi
@pytest.mark.slow
def test_a_rate_that_this_machine_cannot_make_is_refused(cluster: Cluster) -> None:
    done = cluster(["--hosts", "2", "--rate", "900gbit"], ["-c", "print('ran')"])
    assert done.returncode != 0
    assert "ran" not in done.stdout
    assert "was to have 900 Gbit/s but MPI measured" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.mpi
def test_the_commands_status_is_the_clusters(cluster: Cluster) -> None:
    assert cluster(["--hosts", "2"], ["-c", "import sys; sys.exit(7)"]).returncode == 7


@pytest.mark.mpi
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_it_leaves_no_process_and_no_namespace(
    sleepers: Callable[[], tuple[subprocess.Popen[str], str]], number: signal.Signals
) -> None:
    before = set(Path("/run/netns").glob("*"))
    child, word = sleepers()
    assert len(alive(word)) >= 2
    child.send_signal(number)
    assert child.wait(20) != 0
    assert gone(word)
    assert set(Path("/run/netns").glob("*")) == before
    assert not [line for line in Path("/proc/net/dev").read_text().split() if line == "switch:"]


@pytest.mark.mpi
@pytest.mark.slow
def test_one_that_ends_leaves_another_alone(
    sleepers: Callable[[], tuple[subprocess.Popen[str], str]],
) -> None:
    (first, first_word), (second, second_word) = sleepers(), sleepers()
    first.terminate()
    assert first.wait(20) == 128 + signal.SIGTERM
    assert gone(first_word)
    assert second.poll() is None
    assert len(alive(second_word)) >= 2


def test_without_permission_it_says_so_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for tool in ("unshare", "setpriv", "nsenter", "ip", "tc"):
        (tmp_path / tool).write_text(
            "#!/bin/sh\necho 'unshare failed: not permitted' >&2; exit 1\n"
        )
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(NotPermittedError, match=r"cannot be made here .*not permitted") as caught:
        virtual_cluster.require_permission()
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(virtual_cluster, "require_mpich", lambda: None)
    monkeypatch.setattr(sys, "argv", ["namespaces", "--", sys.executable])
    assert virtual_cluster.main() == 2
    assert capsys.readouterr().err.startswith("error: network namespaces cannot be made here")


def test_a_missing_tool_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotPermittedError, match="install the package util-linux"):
        virtual_cluster.require_permission()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hosts": 0}, "--hosts must be"),
        ({"hosts": 251}, "--hosts must be"),
        ({"ranks_per_host": 0}, "--ranks-per-host"),
        ({"rate": "fast"}, "write it as 100mbit"),
        ({"command": ()}, "say after --"),
        ({"command": ("no-such-command",)}, "no-such-command was not found"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check(VirtualCluster(**({"command": ("sh",)} | options)))  # type: ignore[arg-type]


def test_the_first_process_refuses_to_be_started_by_hand() -> None:
    command = [sys.executable, "-m", "module3_mpi_gpu_overlap.virtual_hosts", "--", "sh"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "scripts/namespaces" in done.stderr


def test_hosts_have_cores_of_their_own_where_there_are_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4}, raising=False)
    assert [cores_of(host, 2) for host in range(2)] == [[0, 1], [2, 3]]
    assert [cores_of(host, 6) for host in range(6)] == [[0], [1], [2], [3], [4], [0]]


def test_ranks_yield_only_where_they_share_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    alone, crowded = (mpich_variables(VirtualCluster(command=(), hosts=n)) for n in (2, 3))
    assert crowded.keys() - alone.keys() == {
        "MPIR_CVAR_ENABLE_HEAVY_YIELD",
        "MPIR_CVAR_POLLS_BEFORE_YIELD",
    }
