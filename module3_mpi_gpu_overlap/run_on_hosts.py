"""A command on virtual hosts as a child process."""

import sys
from collections.abc import Mapping

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.child_process import reason_of, run_child
from module3_mpi_gpu_overlap.virtual_cluster import VirtualCluster, arguments_of, check

CLUSTER = "module3_mpi_gpu_overlap.virtual_cluster"


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
