"""Several hosts on one machine: a real mpiexec across network namespaces with shaped links.

Everything lives inside namespaces of its own (processes, mounts, network), which the kernel takes
down with their first process: nothing is left behind, however it ends, and two at once cannot see
each other. Needs the permission to make them: root, or user namespaces where the kernel allows.
"""

import dataclasses
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Annotated

import tyro
from typing_extensions import Doc

from crossscale_results.cli import run
from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.child_process import end, unshare
from module3_mpi_gpu_overlap.mpiexec import find_mpiexec
from module3_mpi_gpu_overlap.virtual_link import MTU_BYTES, UNSHAPED, link_of

MOST_HOSTS = 250  # addresses 198.18.0.1 and on; a machine gives up long before
INSIDE = "module3_mpi_gpu_overlap.virtual_hosts"
_TOOLS = {"unshare": "util-linux", "setpriv": "util-linux", "nsenter": "util-linux"} | {
    "ip": "iproute2",
    "tc": "iproute2",
}


class NotPermittedError(UserError):
    """This machine or account cannot make namespaces."""


@dataclass(frozen=True, kw_only=True)
class VirtualCluster:
    """The hosts, their links, and what the ranks run."""

    command: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        Doc("What each rank runs, after `--`: `-- python -m module3_mpi_gpu_overlap.train`."),
    ]
    hosts: Annotated[int, Doc("Network namespaces that stand for hosts.")] = 2
    ranks_per_host: Annotated[
        int, Doc("Ranks of each host: they share memory, and the host's link.")
    ] = 1
    rate: Annotated[
        str, Doc("Rate of each host's link, each way: `100mbit`, `1gbit`, or `unshaped`.")
    ] = UNSHAPED
    delay_ms: Annotated[
        float, Doc("Delay that each end of a link adds, where the kernel has netem.")
    ] = 0.0
    loss_percent: Annotated[float, Doc("Packets lost at each end, where the kernel has netem.")] = (
        0.0
    )
    mtu_bytes: Annotated[
        int,
        Doc("Largest packet; with 9000 (jumbo frames) the cores have fewer to handle."),
    ] = MTU_BYTES


def run_cluster(config: VirtualCluster) -> int:
    """Run the command on the hosts' ranks; its exit status. Its output goes where ours goes.

    Raises:
        UserError: numbers that make no sense, or a command that is missing.
        NotPermittedError: namespaces cannot be made here.
    """
    check(config)
    require_permission()
    inside = [*_isolated(), sys.executable, "-m", INSIDE, *arguments_of(config)]
    child = subprocess.Popen(inside, start_new_session=True)
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        return child.wait()
    finally:
        end(child)
        signal.signal(signal.SIGTERM, before)


def arguments_of(config: VirtualCluster) -> list[str]:
    """The command line that stands for the cluster."""
    names = [field.name for field in dataclasses.fields(config) if field.name != "command"]
    options = [f"--{name.replace('_', '-')}={getattr(config, name)}" for name in names]
    return [*options, "--", *config.command]


def check(config: VirtualCluster) -> None:
    """Raise UserError for a cluster that cannot be."""
    if not 1 <= config.hosts <= MOST_HOSTS:
        raise UserError(f"--hosts must be from 1 to {MOST_HOSTS}")
    if config.ranks_per_host < 1:
        raise UserError("--ranks-per-host must be at least 1")
    if not config.command:
        raise UserError(
            "say after -- what the ranks run: -- python -m module3_mpi_gpu_overlap.train"
        )
    if shutil.which(config.command[0]) is None:
        raise UserError(f"the command {config.command[0]} was not found")
    link_of(config.rate, config.delay_ms, config.loss_percent, config.mtu_bytes)
    require_mpich()


def require_mpich() -> None:
    """Raise UserError unless mpiexec is MPICH's: its variables place ranks on hosts."""
    told = subprocess.run(
        [str(find_mpiexec()), "--version"], capture_output=True, text=True, check=False
    )
    if "HYDRA" not in told.stdout:
        raise UserError("virtual hosts need MPICH's mpiexec: install it by `pip install mpich`")


def require_permission() -> None:
    """Raise NotPermittedError, with the reason, unless namespaces can be made here."""
    for tool, package in _TOOLS.items():
        if shutil.which(tool) is None:
            raise NotPermittedError(f"virtual hosts need `{tool}`: install the package {package}")
    cable = "ip link add a0 type veth peer name a1"
    tried = subprocess.run(
        [*_isolated(), "sh", "-c", f"mount -t tmpfs none /run && {cable}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        reason = (tried.stderr.strip().splitlines() or ["no message"])[-1]
        raise NotPermittedError(
            f"network namespaces cannot be made here ({reason}): run as root, or allow user "
            "namespaces"
        )


def _isolated() -> Sequence[str]:
    """The start of a command that runs in namespaces of its own, and dies with this process."""
    own = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    return ["setpriv", "--pdeathsig", "KILL", *unshare(*own)]


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    """Run the command of the command line; its exit status, or 2 where it could not be run."""
    statuses: list[int] = []
    failed = run(
        VirtualCluster,
        lambda config: statuses.append(run_cluster(config)),
        prog="scripts/namespaces",
        description="Run a command's MPI ranks on several hosts of one machine: network "
        "namespaces with shaped links. Needs root or user namespaces; nothing is left behind.",
    )
    return failed or statuses[0]


if __name__ == "__main__":
    sys.exit(main())
