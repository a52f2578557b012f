"""What a rank of the link sweep times; started on virtual hosts by `link_sweep`.

Ping-pong: half a round trip between ranks 0 and 1. Local reduction: MPI's own sum of two vectors.
Allreduce: blocking, in place, after a barrier, on the slowest rank. Each is called once to warm up.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from typing_extensions import Doc

from crossscale_data.source import find_source
from crossscale_results.errors import UserError
from crossscale_results.provenance import collect
from crossscale_results.rows import Row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.collective_costs import FLOAT_BYTES
from module3_mpi_gpu_overlap.config import NamedDataDir, ProcessStart, ResultsDir, RunProfile
from module3_mpi_gpu_overlap.congestion_control import congestion_control
from module3_mpi_gpu_overlap.launch import World, agreed, require_ranks, run_on_ranks
from module3_mpi_gpu_overlap.link_columns import (
    LINKS,
    LinkKey,
    LinkMeasurement,
    Operation,
)
from module3_mpi_gpu_overlap.virtual_link import link_of

if TYPE_CHECKING:
    from mpi4py import MPI

ALGORITHM_VARIABLE = "MPIR_CVAR_ALLREDUCE_INTRA_ALGORITHM"


@dataclass(frozen=True, kw_only=True)
class LinkMeasureConfig:
    """One process start of the sweep."""

    rate: Annotated[str, Doc("Rate of the hosts' links, as it was asked for.")]
    ranks: Annotated[int, Doc("Ranks that there must be.")]
    point_to_point: Annotated[bool, Doc("Time ping-pong and local reduction, too.")] = False
    sizes: Annotated[tuple[int, ...], Doc("Numbers (float32) of each vector.")] = (1_000,)
    samples: Annotated[int, Doc("Timed calls of each size.")] = 3
    data_dir: NamedDataDir = None
    results_dir: ResultsDir = Path("results")
    profile: RunProfile = "custom"
    seed: Annotated[int, Doc("Seed of the vectors.")] = 0
    repeat: ProcessStart = 0


def measure(world: World, config: LinkMeasureConfig) -> None:
    """Time every size; rank 0 writes the rows. Collective."""
    agreed(world, lambda: require_ranks(world, config.ranks))
    agreed(world, lambda: _check(config))
    link = link_of(config.rate)
    spoken = congestion_control()
    algorithm = os.environ.get(ALGORITHM_VARIABLE, "auto")
    rows: list[Row] = []

    def keep(operation: Operation, name: str, message_bytes: int, seconds: list[float]) -> None:
        for sample, elapsed_s in enumerate(seconds):
            bits = link.rate_bit_per_s
            key = LinkKey(
                link=str(link),
                link_gb_per_s=None if bits is None else bits / 8e9,
                congestion_control=spoken,
                hosts_count=world.size,
                world_size=world.size,
                oversubscribed=world.oversubscribed,
                operation=operation,
                algorithm=name,  # type: ignore[arg-type]
                message_bytes=message_bytes,
                sample_index=sample,
            )
            reasons = {"link_gb_per_s": "the link is not shaped"} if bits is None else {}
            rows.append(Row(key, LinkMeasurement(elapsed_s), config.seed, config.repeat, reasons))

    for size in config.sizes:
        times = {"allreduce": lambda v: allreduce_s(world.comm, v)}
        if config.point_to_point:
            times = {
                "ping-pong": lambda v: half_round_trip_s(world.comm, v),
                "local-reduction": lambda v: local_reduction_s(world.comm, v),
            }
        for operation, timed in times.items():
            vector = np.random.default_rng([config.seed, world.rank]).standard_normal(
                size, dtype=np.float32
            )
            seconds = _samples(timed, vector, config.samples)
            name = algorithm if operation == "allreduce" else "none"
            keep(operation, name, size * FLOAT_BYTES, seconds)  # type: ignore[arg-type]

    def write() -> None:
        dataset = find_source(config.data_dir).dataset
        append_rows(LINKS, config.results_dir, collect(dataset, config.profile), rows)

    agreed(world, lambda: write() if world.rank == 0 else None)


def allreduce_s(comm: "MPI.Intracomm", vector: np.ndarray) -> float:
    """Seconds of a blocking sum in place, the slowest rank's; collective."""
    from mpi4py import MPI  # starts MPI, so not on import

    from module3_mpi_gpu_overlap.clock import slowest_s

    total = vector.copy()
    return slowest_s(comm, lambda: comm.Allreduce(MPI.IN_PLACE, total, MPI.SUM))


def half_round_trip_s(comm: "MPI.Intracomm", vector: np.ndarray) -> float:
    """Seconds of a message between ranks 0 and 1; the others wait. Collective."""
    buffer = vector.copy()
    comm.Barrier()
    start_s = time.perf_counter()
    if comm.rank == 0:
        comm.Send(buffer, dest=1)
        comm.Recv(buffer, source=1)
    elif comm.rank == 1:
        comm.Recv(buffer, source=0)
        comm.Send(buffer, dest=0)
    elapsed_s: float = comm.bcast((time.perf_counter() - start_s) / 2, root=0)
    return elapsed_s


def local_reduction_s(comm: "MPI.Intracomm", vector: np.ndarray) -> float:
    """Seconds that MPI needs to add a vector to another, the slowest rank's; collective."""
    from mpi4py import MPI  # starts MPI, so not on import

    from module3_mpi_gpu_overlap.clock import slowest_s

    total = vector.copy()
    return slowest_s(comm, lambda: MPI.SUM.Reduce_local(vector, total))


def _samples(timed: Callable[[np.ndarray], float], vector: np.ndarray, count: int) -> list[float]:
    timed(vector)  # connections, buffers and TCP's window are set up on first use
    return [timed(vector) for _ in range(count)]


def _check(config: LinkMeasureConfig) -> None:
    if not config.sizes or min(config.sizes) < 1 or config.samples < 1:
        raise UserError("--sizes and --samples must be at least 1")
    if config.point_to_point and config.ranks < 2:
        raise UserError("a ping-pong needs two ranks")


def main() -> int:
    """Parse the command line and measure."""
    prog = "python -m module3_mpi_gpu_overlap.link_measure"
    return run_on_ranks(LinkMeasureConfig, measure, prog, __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
