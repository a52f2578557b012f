"""The collective alone: `mpiexec -n 2 python -m module3_mpi_gpu_overlap.allreduce`.

How long a blocking MPI_Allreduce of so many numbers takes, warm and after a barrier: what a round
would pay at least for a model of that size; and what a sum whose bits do not depend on its order
costs instead, conversions included.
"""

import sys

import numpy as np
import torch

from crossscale_results.errors import UserError
from crossscale_results.provenance import collect
from crossscale_results.rows import Row
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.client_data import open_in_turn
from module3_mpi_gpu_overlap.columns import ALLREDUCE, AllreduceKey, AllreduceMeasurement
from module3_mpi_gpu_overlap.config import AllreduceConfig, Sum
from module3_mpi_gpu_overlap.device import choose_device
from module3_mpi_gpu_overlap.launch import World, agreed, require_ranks, run_on_ranks
from module3_mpi_gpu_overlap.models import classifier_numbers
from module3_mpi_gpu_overlap.privacy_extra import require_secure

WARM_UPS = 2


def measure(world: World, config: AllreduceConfig) -> None:
    """Time every size; rank 0 writes a row for each call. Collective."""
    agreed(world, lambda: require_ranks(world, config.ranks))
    agreed(world, lambda: _check(world, config))
    source, beats = open_in_turn(world, config.data_dir)
    print(source)
    choose_device(world, "cpu")  # as many threads as in a round
    classifier = agreed(world, lambda: classifier_numbers(beats))
    rows = []
    cases = [(size or classifier, how) for size in config.sizes for how in config.sums]
    for elements, how in cases:
        for sample, seconds in enumerate(allreduce_s(world, elements, how, config)):
            key = AllreduceKey(
                world_size=world.size,
                link=world.link,
                oversubscribed=world.oversubscribed,
                elements_count=elements,
                sum=how,
                sample_index=sample,
            )
            rows.append(Row(key, AllreduceMeasurement(seconds), config.seed, config.repeat))
            print(f"{elements} numbers, {how} sum: {seconds * 1e3:.3f} ms")

    def keep() -> None:
        path = append_rows(
            ALLREDUCE, config.results_dir, collect(source.dataset, config.profile), rows
        )
        print(f"rows appended to {path}")

    agreed(world, lambda: keep() if world.rank == 0 else None)


def allreduce_s(world: World, elements: int, how: Sum, config: AllreduceConfig) -> list[float]:
    """Seconds of each call, the slowest rank's; collective."""
    from module3_mpi_gpu_overlap.clock import slowest_s  # starts MPI, so not on import
    from module3_mpi_gpu_overlap.totals import total_of

    random = np.random.default_rng([config.seed, world.rank])
    values = torch.from_numpy(random.standard_normal(elements, dtype=np.float32))
    total, whole = total_of(how, world.comm, values), slice(0, elements)
    converts = how != "mpi"

    def sum_over_ranks() -> None:
        if converts:
            total.add(values, 1.0)
        total.reduce(whole)

    samples_s = []
    for _ in range(WARM_UPS + config.samples):
        total.clear()  # summing the sum again and again would overflow
        if not converts:
            total.add(values, 1.0)
        samples_s.append(slowest_s(world.comm, sum_over_ranks))
    return samples_s[WARM_UPS:]


def _check(world: World, config: AllreduceConfig) -> None:
    if not config.sizes or min(config.sizes) < 0:
        raise UserError("--sizes must be one or more numbers that are not negative")
    if config.samples < 1:
        raise UserError("--samples must be at least 1")
    if "secure" in config.sums:
        require_secure(world.size)


def main() -> int:
    """Parse the command line and measure."""
    return run_on_ranks(
        AllreduceConfig,
        measure,
        prog="python -m module3_mpi_gpu_overlap.allreduce",
        description="Time MPI_Allreduce alone for several model sizes.",
    )


if __name__ == "__main__":
    sys.exit(main())
