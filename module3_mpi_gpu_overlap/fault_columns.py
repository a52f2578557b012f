"""The table of injected faults."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from crossscale_results.table import Table
from module3_mpi_gpu_overlap.faults import FaultKind, Promise
from module3_mpi_gpu_overlap.ladder import Mode


@dataclass(frozen=True, kw_only=True)
class FaultKey:
    """One fault, and the run that it happened to."""

    kind: Annotated[
        FaultKind,
        Doc(
            "`killed …`: SIGKILL; `stopped rank`: SIGSTOP; `… update` and `absurd loss`: what one "
            "rank's training came to in one round; the last two: to a kept state between two runs."
        ),
    ]
    mode: Annotated[Mode, Doc("The run's rung of the ladder.")]
    world_size: Annotated[int, Doc("MPI ranks.")]
    rank: Annotated[int, Doc("The rank that it happened to; -1 where it is none.")]
    moment: Annotated[str, Doc("When, or to which byte of which file.")]
    try_index: Annotated[int, Doc("Which fault of the command, from 0.")]


@dataclass(frozen=True)
class FaultMeasurement:
    """What became of the run."""

    fault_to_end_s: Annotated[
        float,
        Doc(
            "From the fault (a signal), or from the start of the run that meets it (all others), "
            "until the run's last process is gone."
        ),
    ]
    limit_s: Annotated[float, Doc("What that was allowed to take.")]
    exit_status: Annotated[int, Doc("mpiexec's; negative: the signal that ended it.")]
    promise: Annotated[
        Promise,
        Doc("Whether all three promises were kept, else the first that was broken."),
    ]
    message: Annotated[str, Doc("What the run said, and how it was gone on with.")]


FAULTS = Table(
    "module3_faults",
    "One fault injected into a small federated run, and what became of it.",
    FaultKey,
    FaultMeasurement,
)
