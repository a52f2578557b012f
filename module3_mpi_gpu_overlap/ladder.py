"""The ladder's modes, and what each sets; a new mode is an entry of `LADDER` (docs/adding.md).

`G0` to `G3` differ by how and when the average is sent. From `G4` on each adds one thing to `G3`,
and what it adds can also be asked for in any other mode.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from module3_mpi_gpu_overlap.wire_format import WireFormat

Precision = Literal["float32", "bf16", "fp16"]
Exchange = Literal["flat", "hierarchical"]


@dataclass(frozen=True)
class Rung:
    """How a mode cuts the vector, what it does before it waits, and what it sends how."""

    change: str  # in words, as the option's help and the columns' documentation have it
    by_tensor: bool = False
    blocking: bool = False
    delayed: bool = False  # the average arrives a round later
    precision: Precision = "float32"  # where the options say `auto`
    wire: WireFormat = "float32"
    exchange: Exchange = "flat"


LADDER: dict[str, Rung] = {
    "G0": Rung("blocking, tensor by tensor", by_tensor=True, blocking=True),
    "G1": Rung("blocking, one flat buffer in buckets", blocking=True),
    "G2": Rung("non-blocking buckets beside the preparation of the next round"),
    "G3": Rung("beside the whole next round, with the delayed correction", delayed=True),
    "G4": Rung("is G3 in bf16", delayed=True, precision="bf16"),
    "G5": Rung("is G4 with an int8 wire", delayed=True, precision="bf16", wire="int8"),
    "G6": Rung(
        "is G5 with one leader for each node",
        delayed=True,
        precision="bf16",
        wire="int8",
        exchange="hierarchical",
    ),
}

if TYPE_CHECKING:
    Mode = str
else:
    Mode = Literal[tuple(LADDER)]  # what the command line takes


def described() -> str:
    """The modes in words: `G0 blocking, …; G1 …`."""
    return "; ".join(f"{mode} {rung.change}" for mode, rung in LADDER.items())
