"""The first process inside a virtual cluster: makes the hosts, measures a link, runs mpiexec.

Started by `virtual_cluster` in namespaces of its own, never by hand. Each host is a network
namespace with one cable to a switch and its share of the cores.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

import tyro

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.congestion_control import SET_IN_NAMESPACE
from module3_mpi_gpu_overlap.launch import LINK_VARIABLE
from module3_mpi_gpu_overlap.mpiexec import YIELDING, find_mpiexec
from module3_mpi_gpu_overlap.virtual_cluster import VirtualCluster
from module3_mpi_gpu_overlap.virtual_link import Link, link_of, shaping

INTERFACE = "e0"
TOLERANCE = 0.10  # of the stated rate, for what MPI measures
PROBE_S = 0.2  # of data at the stated rate, each way
MOST_PROBE_BYTES = 1 << 28
PROBE_LIMIT_S = 60.0
EXIT_NOT_SHAPED = 3
_NAMESPACES = Path("/run/netns")


def run_inside(config: VirtualCluster) -> int:
    """Make the hosts, check their links and run the command; its exit status.

    Raises:
        UserError: a host cannot be made, or a link does not have the rate it should have.
    """
    link = link_of(config.rate, config.delay_ms, config.loss_percent, config.mtu_bytes)
    make_hosts(config.hosts, link)
    environment = {**os.environ, **mpich_variables(config)}
    environment[LINK_VARIABLE] = f"{config.hosts} hosts, {link}"
    if link.rate_bit_per_s is not None and config.hosts > 1:
        verify_rate(config.hosts, link, environment)
    command = on_hosts(config.hosts, config.ranks_per_host, list(config.command))
    return subprocess.run(command, env=environment, check=False).returncode


def make_hosts(count: int, link: Link) -> None:
    """Namespaces h0, h1, ... with addresses 198.18.0.1 and on, joined by a bridge in this one.

    The addresses are those of RFC 2544, set aside for benchmarks.
    """
    # Names of namespaces are files here: a folder of our own keeps them from everybody else's.
    _do("mount", "-t", "tmpfs", "none", "/run")
    _do("ip", "link", "add", "switch", "type", "bridge")
    _do("ip", "link", "set", "switch", "up")
    for host in range(count):
        name, port = f"h{host}", f"p{host}"
        inside = ("ip", "-n", name)
        _do("ip", "netns", "add", name)
        _do("ip", "netns", "exec", name, "sh", "-c", SET_IN_NAMESPACE)
        mtu = ("mtu", str(link.mtu_bytes))
        cable = ("type", "veth", "peer", "name", INTERFACE, *mtu, "netns", name)
        _do("ip", "link", "add", port, *mtu, *cable)
        _do("ip", "link", "set", port, "master", "switch", "up")
        _do(*inside, "address", "add", f"198.18.0.{host + 1}/15", "dev", INTERFACE)
        for device in ("lo", INTERFACE):
            _do(*inside, "link", "set", device, "up")
        for arguments in shaping(link):
            _do("tc", "qdisc", "add", "dev", port, *arguments)
            _do("tc", "-n", name, "qdisc", "add", "dev", INTERFACE, *arguments)


def mpich_variables(config: VirtualCluster) -> dict[str, str]:
    """What makes MPICH take the hosts for nodes, and TCP over their cables for the network."""
    nodes = (
        {"MPIR_CVAR_NOLOCAL": "1"}
        if config.ranks_per_host == 1
        else {"MPIR_CVAR_NUM_CLIQUES": str(config.hosts), "MPIR_CVAR_CLIQUES_BY_BLOCK": "1"}
    )
    network = {"MPIR_CVAR_CH4_NETMOD": "ofi", "FI_PROVIDER": "tcp", "FI_TCP_IFACE": INTERFACE}
    crowded = config.hosts * config.ranks_per_host > len(os.sched_getaffinity(0))
    return {**nodes, **network, **(YIELDING if crowded else {})}


def on_hosts(hosts: int, ranks_per_host: int, command: list[str]) -> list[str]:
    """The mpiexec that runs a command with its ranks on the hosts, in order, on their cores."""
    cores = [",".join(map(str, cores_of(host, hosts))) for host in range(hosts)]
    place = (
        f'host=$((PMI_RANK / {ranks_per_host})); set -- "$@"; '
        f"cores=$(echo '{' '.join(cores)}' | cut -d ' ' -f $((host + 1))); "
        f'exec nsenter --net={_NAMESPACES}/h$host taskset -c "$cores" "$@"'
    )
    ranks = str(hosts * ranks_per_host)
    return [str(find_mpiexec()), "-n", ranks, "sh", "-c", place, "sh", *command]


def cores_of(host: int, hosts: int) -> list[int]:
    """A host's cores: its own where there are enough, else one that it shares."""
    available = sorted(os.sched_getaffinity(0))
    if hosts >= len(available):
        return [available[host % len(available)]]
    share = len(available) // hosts
    return available[host * share : (host + 1) * share]


def verify_rate(hosts: int, link: Link, environment: dict[str, str]) -> None:
    """Raise UserError unless MPI measures every host's link near its rate.

    It measures what is left to data: of 1514 bytes on the wire, TCP leaves 1448.
    """
    assert link.rate_bit_per_s is not None
    size = min(round(link.rate_bit_per_s / 8 * PROBE_S), MOST_PROBE_BYTES)
    probe = [sys.executable, "-m", "module3_mpi_gpu_overlap.link_probe", f"--bytes={size}"]
    one_rank_each = {**environment, **mpich_variables(VirtualCluster(command=(), hosts=hosts))}
    for name in ("MPIR_CVAR_NUM_CLIQUES", "MPIR_CVAR_CLIQUES_BY_BLOCK"):
        one_rank_each.pop(name, None)
    limit_s = PROBE_LIMIT_S + hosts
    try:
        done = subprocess.run(
            on_hosts(hosts, 1, probe),
            env=one_rank_each,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"the links could not be measured within {limit_s:g} s") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"the links could not be measured: {reason}")
    for host, seconds in enumerate(json.loads(done.stdout.splitlines()[-1])):
        # A message passes two ends of cables: the sender's, and the receiver's at the switch.
        measured = 8 * size / (seconds - 2 * link.delay_ms / 1e3)
        if abs(measured / link.rate_bit_per_s - 1) > TOLERANCE:
            raise UserError(
                f"the link of host {host} was to have {link} but MPI measured "
                f"{measured / 1e6:.1f} Mbit/s: this machine cannot shape it so; ask for a lower "
                "--rate, or run when it is idle"
            )


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[0]
        hint = "; this kernel has no netem: leave out delay and loss" if "netem" in command else ""
        raise UserError(f"`{' '.join(command)}` failed ({reason}){hint}")


def _terminated(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)  # the kernel ends all others with this first process


def main() -> int:
    """Run inside; refuse to touch any other network than a private one."""
    if os.getpid() != 1:
        print("error: start virtual hosts with scripts/namespaces", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _terminated)
    try:
        return run_inside(tyro.cli(VirtualCluster))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_NOT_SHAPED


if __name__ == "__main__":
    sys.exit(main())
