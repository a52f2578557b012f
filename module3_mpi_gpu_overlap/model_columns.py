"""The table of the cost model: what it predicts, and what was measured where anything was."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results.table import Table

Kind = Literal["calibration", "held out", "projection"]
WITHIN_PERCENT = 15  # what the model should reach on what it has not seen


@dataclass(frozen=True, kw_only=True)
class ModelKey:
    """One predicted Allreduce."""

    kind: Annotated[
        Kind,
        Doc(
            "`calibration`: the model was fitted to it; `held out`: measured, and never seen by "
            "the fit; `projection`: not measured at all."
        ),
    ]
    network: Annotated[str, Doc("Link between hosts, or `one node` for shared memory.")]
    algorithm: Annotated[str, Doc("Allreduce algorithm; `auto` is what MPICH 5.0 chooses.")]
    world_size: Annotated[int, Doc("MPI ranks.")]
    ranks_per_node: Annotated[int, Doc("Ranks that share a node's memory in the model.")]
    oversubscribed: Annotated[bool, Doc("Whether the measurement had more ranks than cores.")]
    message_bytes: Annotated[int, Doc("Bytes that each rank contributes.")]
    message_alpha_s: Annotated[float, Doc("A message one way, however short.")]
    message_gb_per_s: Annotated[float, Doc("1 / beta of a message one way.")]
    exchange_alpha_s: Annotated[float, Doc("Two messages that cross, however short.")]
    exchange_gb_per_s: Annotated[float, Doc("1 / beta of two messages that cross.")]
    reduction_gb_per_s: Annotated[
        float | None, Doc("Bytes added to others in a second, 1 / gamma.")
    ]


@dataclass(frozen=True)
class ModelPrediction:
    """What the model says, beside the median of what was measured."""

    predicted_s: Annotated[float, Doc("Allreduce by the model.")]
    measured_s: Annotated[float | None, Doc("Median of the measured calls.")]
    error_percent: Annotated[float | None, Doc("Predicted over measured, minus 1.")]
    communication_ratio: Annotated[
        float | None, Doc("Predicted share of a round of --train-s with a blocking Allreduce.")
    ]


MODEL = Table(
    "module3_model",
    "One Allreduce as the cost model predicts it: calibration, held out, or projection.",
    ModelKey,
    ModelPrediction,
)
