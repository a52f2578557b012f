"""The table in which other runners are set beside the suite's rounds."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results.table import Table
from module3_mpi_gpu_overlap.congestion_control import CongestionControl


@dataclass(frozen=True, kw_only=True)
class PeerRun:
    """One round of one runner."""

    contestant: Annotated[str, Doc("A mode of the ladder, or another runner and its variant.")]
    role: Annotated[Literal["suite", "peer"], Doc("The suite's, or another library's.")]
    library: Annotated[str, Doc("Python package that runs the rounds.")]
    library_version: Annotated[str, Doc("Its version; `none` where it is not installed.")]
    settings: Annotated[str, Doc("How it was set up.")]
    clients_count: Annotated[int, Doc("Processes that train, each with one thread.")]
    processes_count: Annotated[int, Doc("Clients, and the server where there is one.")]
    oversubscribed: Annotated[bool, Doc("Whether there were fewer cores than clients.")]
    congestion_control: CongestionControl
    memory_kept: Annotated[
        bool, Doc("Whether the C library kept freed memory on every rank; false if not run.")
    ]
    rounds: Annotated[int, Doc("Rounds of the run.")]
    local_steps: Annotated[int, Doc("Optimiser steps of each client in a round.")]
    batch_size: Annotated[int, Doc("Beats in a client's mini-batch.")]
    averaged_count: Annotated[
        int, Doc("Numbers averaged: parameters and float buffers; 0 where nothing was run.")
    ]
    round_index: Annotated[int, Doc("Round, from 0: the first one warms up what follows.")]


@dataclass(frozen=True)
class PeerMeasurement:
    """What the round took; its local steps are timed in one way for all contestants."""

    round_s: Annotated[
        float | None,
        Doc("The round, batches drawn; with a server, from its first call to its sum."),
    ]
    train_s: Annotated[
        float | None,
        Doc("First forward pass to last optimiser step, on the client that takes longest."),
    ]
    preparation_s: Annotated[
        float | None, Doc("Drawing a round's batches, on the client that takes longest.")
    ]
    overhead_s: Annotated[
        float | None, Doc("`round_s` less `train_s`: drawing the batches counts as overhead.")
    ]
    runner_overhead_s: Annotated[
        float | None,
        Doc("`round_s` less local steps and drawing, on the client that takes longest at both."),
    ]
    exposed_communication_s: Annotated[
        float | None,
        Doc(
            "Blocked after the last client arrived; with a server, the part of the round in which "
            "no client was at work."
        ),
    ]
    model_difference_ratio: Annotated[
        float | None,
        Doc(
            "Distance of the average from `G0`'s after the two short rounds that everyone is "
            "checked by, over what training moved that by."
        ),
    ]


PEERS = Table(
    "module3_peers",
    "One round of federated averaging by the suite or by another runner, on two clients.",
    PeerRun,
    PeerMeasurement,
)
