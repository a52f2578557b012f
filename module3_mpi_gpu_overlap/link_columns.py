"""The table of the link sweep: single messages, sums and collectives on a stated link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results.table import Table
from module3_mpi_gpu_overlap.congestion_control import CongestionControl

Operation = Literal["ping-pong", "local-reduction", "allreduce"]
Algorithm = Literal["none", "auto", "recursive_doubling", "reduce_scatter_allgather", "ring"]


@dataclass(frozen=True, kw_only=True)
class LinkKey:
    """What was timed, on which hosts."""

    link: Annotated[str, Doc("Each host's link, both ways: `100 Mbit/s`, or `unshaped`.")]
    link_gb_per_s: Annotated[float | None, Doc("The link's rate; empty where it is not shaped.")]
    congestion_control: CongestionControl
    hosts_count: Annotated[int, Doc("Hosts: network namespaces of one machine.")]
    world_size: Annotated[int, Doc("MPI ranks.")]
    oversubscribed: Annotated[bool, Doc("Whether all hosts together had more ranks than cores.")]
    operation: Annotated[
        Operation,
        Doc(
            "`ping-pong` between the first two ranks; `local-reduction`, MPI's sum of two vectors "
            "on one rank; `allreduce`, blocking and in place."
        ),
    ]
    algorithm: Annotated[
        Algorithm,
        Doc("Allreduce algorithm that MPICH was told to take; `auto` is its own choice."),
    ]
    message_bytes: Annotated[int, Doc("Bytes of each rank's message or vector.")]
    sample_index: Annotated[int, Doc("Timed call, from 0, in one process start.")]


@dataclass(frozen=True)
class LinkMeasurement:
    """One timed call."""

    elapsed_s: Annotated[
        float,
        Doc("Half a round trip of the ping-pong; else the call, on the slowest rank."),
    ]


LINKS = Table(
    "module3_links",
    "One message, sum or Allreduce between hosts of one machine with a stated link.",
    LinkKey,
    LinkMeasurement,
)
