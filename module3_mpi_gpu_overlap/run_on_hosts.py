"""A command on virtual hosts as a child process: run with a time limit, and ended for sure."""

import os
import subprocess
import sys
from collections.abc import Mapping

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.virtual_cluster import VirtualCluster, check, end

CLUSTER = "module3_mpi_gpu_overlap.virtual_cluster"


def run_on_hosts(
    cluster: VirtualCluster, what: str, limit_s: float, variables: Mapping[str, str] | None = None
) -> None:
    """Run the cluster's command, quietly; `what` names it in errors.

    Raises:
        UserError: it failed, or took longer than `limit_s`; nothing of it runs on.
    """
    check(cluster)
    start = [sys.executable, "-m", CLUSTER, f"--hosts={cluster.hosts}", f"--rate={cluster.rate}"]
    child = subprocess.Popen(
        [*start, f"--ranks-per-host={cluster.ranks_per_host}", "--", *cluster.command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **(variables or {})},
        start_new_session=True,
    )
    try:
        _, err = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{what} did not end in {limit_s:g} s and was stopped") from error
    finally:
        end(child)
    if child.returncode:
        lines = [line for line in err.decode().splitlines() if line.strip()] or ["no message"]
        told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        raise UserError(f"stopped at {what}: {(told or lines[-1:])[0].strip()}")
