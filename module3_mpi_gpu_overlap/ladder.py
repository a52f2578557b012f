"""The ladder's modes, and what each sets; a new mode is an entry of `LADDER`.

`G0` to `G3` differ by how and when the average is sent. From `G4` on each adds one thing to `G3`,
and what it adds can also be asked for in any other mode.
"""

from dataclasses import dataclass
from typing import Literal

from module3_mpi_gpu_overlap.wire_format import WireFormat

Mode = Literal["G0", "G1", "G2", "G3", "G4", "G5", "G6"]
Precision = Literal["float32", "bf16", "fp16"]
Exchange = Literal["flat", "hierarchical"]


@dataclass(frozen=True)
class Rung:
    """How a mode cuts the vector, what it does before it waits, and what it sends how."""

    by_tensor: bool = False
    blocking: bool = False
    delayed: bool = False  # the average arrives a round later
    precision: Precision = "float32"  # where the options say `auto`
    wire: WireFormat = "float32"
    exchange: Exchange = "flat"


LADDER: dict[Mode, Rung] = {
    "G0": Rung(by_tensor=True, blocking=True),
    "G1": Rung(blocking=True),
    "G2": Rung(),
    "G3": Rung(delayed=True),
    "G4": Rung(delayed=True, precision="bf16"),
    "G5": Rung(delayed=True, precision="bf16", wire="int8"),
    "G6": Rung(delayed=True, precision="bf16", wire="int8", exchange="hierarchical"),
}
