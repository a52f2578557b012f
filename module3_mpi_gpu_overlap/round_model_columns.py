"""The table of whole rounds as the cost model predicts them, beside what they took."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results.table import Table

RoundKind = Literal["calibration", "held out"]


@dataclass(frozen=True, kw_only=True)
class RoundModelKey:
    """One world on one link."""

    kind: Annotated[
        RoundKind,
        Doc("`calibration`: its local steps were seen by the model; `held out`: nothing was."),
    ]
    network: Annotated[str, Doc("Link between hosts.")]
    mode: Annotated[str, Doc("Rung of the ladder, a blocking one.")]
    world_size: Annotated[int, Doc("MPI ranks, one on each host.")]
    local_steps: Annotated[int, Doc("Optimiser steps of each client in a round.")]
    averaged_count: Annotated[int, Doc("Numbers averaged: parameters and float buffers.")]
    bucket_bytes: Annotated[int, Doc("Largest piece that is sent at a time.")]


@dataclass(frozen=True)
class RoundPrediction:
    """A round by the model, and medians over measured rounds."""

    predicted_computing_s: Annotated[float, Doc("Local steps and the next round's batches.")]
    predicted_communication_s: Annotated[float, Doc("The average, piece by piece.")]
    predicted_round_s: Annotated[float, Doc("Their sum.")]
    measured_round_s: Annotated[float, Doc("The round, on the slowest rank.")]
    error_percent: Annotated[float, Doc("Predicted over measured round, minus 1.")]
    predicted_communication_ratio: Annotated[float, Doc("Communication's share of the round.")]
    measured_communication_ratio: Annotated[
        float, Doc("Exposed communication, the mean over the ranks, as a share of the round.")
    ]


ROUND_MODEL = Table(
    "module3_round_model",
    "One world's round as the cost model predicts it, beside what it took.",
    RoundModelKey,
    RoundPrediction,
)
