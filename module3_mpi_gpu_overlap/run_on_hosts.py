"""A command, or a federated run, on virtual hosts as a child process."""

import sys
from collections.abc import Mapping

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.child_process import options_of, reason_of, run_child
from module3_mpi_gpu_overlap.virtual_cluster import VirtualCluster, arguments_of, check
from module3_mpi_gpu_overlap.virtual_link import MTU_BYTES

CLUSTER = "module3_mpi_gpu_overlap.virtual_cluster"
TRAIN_LIMIT_S = 1800.0


def train_on_hosts(
    hosts: int, rate: str, options: Mapping[str, object], mtu_bytes: int = MTU_BYTES
) -> None:
    """A run of `train`, one rank on each host; `options` are its own, by their names.

    Raises:
        UserError: it failed or took too long.
    """
    train = "module3_mpi_gpu_overlap.train"
    command = (sys.executable, "-m", train, *options_of({"ranks": hosts, **options}))
    cluster = VirtualCluster(command=command, hosts=hosts, rate=rate, mtu_bytes=mtu_bytes)
    run_on_hosts(cluster, f"{hosts} hosts, {rate}, {options['mode']}", TRAIN_LIMIT_S)


def run_on_hosts(
    cluster: VirtualCluster, what: str, limit_s: float, variables: Mapping[str, str] | None = None
) -> None:
    """Run the cluster's command, quietly; `what` names it in errors.

    Raises:
        UserError: it failed, or took longer than `limit_s`; nothing of it runs on.
    """
    check(cluster)
    command = [sys.executable, "-m", CLUSTER, *arguments_of(cluster)]
    done = run_child(command, what, limit_s, variables or {})
    if done.returncode:
        raise UserError(f"stopped at {what}: {reason_of(done.stderr)}")
