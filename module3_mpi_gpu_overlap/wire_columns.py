"""The table of the wire formats."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from crossscale_results.table import Table
from module3_mpi_gpu_overlap.wire_format import WireFormat


@dataclass(frozen=True, kw_only=True)
class WireKey:
    """One average of one vector in one format."""

    wire: Annotated[WireFormat, Doc("Wire format.")]
    sent_ratio: Annotated[float, Doc("Part of the numbers that is sent: below 1 for `top-k`.")]
    world_size: Annotated[int, Doc("MPI ranks.")]
    oversubscribed: Annotated[bool, Doc("Whether a node had more ranks than cores.")]
    elements_count: Annotated[int, Doc("float32 numbers averaged.")]
    sample_index: Annotated[int, Doc("Turn of the formats, from 0, in one process start.")]


@dataclass(frozen=True)
class WireMeasurement:
    """One turn; times are the slowest rank's, after a barrier, warm."""

    average_ms: Annotated[float, Doc("The average in this format, error feedback included.")]
    allreduce_ms: Annotated[
        float, Doc("Blocking MPI_Allreduce of the float32 numbers in the same turn.")
    ]
    encode_ms: Annotated[
        float, Doc("Encoding the whole vector and keeping what was lost, with nothing beside it.")
    ]
    decode_ms: Annotated[float, Doc("Decoding one whole payload and adding it to a sum.")]
    copy_ms: Annotated[float, Doc("Copying the float32 numbers within the host's memory.")]
    payload_bytes: Annotated[int, Doc("Size of the whole vector in this format.")]
    received_bytes: Annotated[
        int, Doc("What a rank received from the others in both phases, the most of any rank.")
    ]
    error_ratio: Annotated[
        float,
        Doc("Norm of (first average - exact one) over the exact one's: before any feedback."),
    ]
    saturated_count: Annotated[
        int, Doc("Numbers beyond the format's range in that average, over all ranks.")
    ]


WIRE = Table(
    "module3_wire",
    "One average over the ranks in one wire format, with an MPI_Allreduce beside it.",
    WireKey,
    WireMeasurement,
)
