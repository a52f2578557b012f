"""The module's tables: rounds, scores, and the collective alone."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results.table import Table
from module3_mpi_gpu_overlap.config import Experiment, Settings, Sum
from module3_mpi_gpu_overlap.congestion_control import CongestionControl
from module3_mpi_gpu_overlap.fault_columns import FAULTS
from module3_mpi_gpu_overlap.link_columns import LINKS
from module3_mpi_gpu_overlap.model_columns import MODEL
from module3_mpi_gpu_overlap.peer_columns import PEERS
from module3_mpi_gpu_overlap.privacy_columns import PRIVACY
from module3_mpi_gpu_overlap.round_model_columns import ROUND_MODEL
from module3_mpi_gpu_overlap.wire_columns import WIRE

Link = Annotated[
    str, Doc("What connects the ranks: `one node`, `several nodes`, or virtual hosts' links.")
]


@dataclass(frozen=True, kw_only=True)
class RunConfig(Settings):
    """A federated run, once it is known on what it runs."""

    experiment: Annotated[
        Experiment, Doc("The command whose grid the run belongs to; `none` is a run by hand.")
    ]
    world_size: Annotated[int, Doc("MPI ranks.")]
    oversubscribed: Annotated[
        bool, Doc("Whether a node had more ranks than cores, or ranks shared an accelerator.")
    ]
    link: Link
    congestion_control: CongestionControl
    device_type: Annotated[str, Doc("What the ranks trained on: `cpu`, `cuda`, ...")]
    memory_kept: Annotated[bool, Doc("Whether the C library kept freed memory on every rank.")]
    averaged_count: Annotated[int, Doc("Numbers averaged: parameters and float buffers.")]


@dataclass(frozen=True, kw_only=True)
class RoundKey(RunConfig):
    """Which rank's view of which round."""

    round_index: Annotated[int, Doc("Round, from 0.")]
    rank: Annotated[int, Doc("MPI rank, from 0.")]


@dataclass(frozen=True)
class RoundMeasurement:
    """One rank's round; the words are defined in `module3_mpi_gpu_overlap/timing.py`."""

    round_s: Annotated[float, Doc("The round: from its beginning to its end on the slowest rank.")]
    rank_round_s: Annotated[float, Doc("The round on this rank.")]
    train_s: Annotated[float, Doc("Local steps of this rank.")]
    straggler_idle_s: Annotated[float, Doc("Last rank's arrival minus this rank's.")]
    blocked_idle_s: Annotated[
        float, Doc("Straggler idle that this rank spent blocked, not in useful work.")
    ]
    exposed_communication_s: Annotated[
        float, Doc("Blocked in waits and copies after the last rank arrived.")
    ]
    preparation_s: Annotated[float, Doc("Drawing and gathering the next round's batches.")]
    communication_s: Annotated[
        float,
        Doc("The averaging alone before the first round, warm, on the slowest rank, median of 5."),
    ]
    throughput_samples_per_s: Annotated[float, Doc("Beats of all ranks over the whole round.")]
    train_loss: Annotated[
        float | None, Doc("Mean training loss of this rank's clients in this round.")
    ]
    trained_count: Annotated[int, Doc("Clients that this rank trained in this round.")]
    screened_count: Annotated[
        int,
        Doc("Those of them left out: update not finite or too long, or absurd loss."),
    ]
    weight_ratio: Annotated[
        float, Doc("Share of this rank's clients in the round's average, before screening.")
    ]
    payload_bytes: Annotated[
        int, Doc("What this rank hands to the averaging; what is sent depends on MPI's algorithm.")
    ]
    clock_offset_s: Annotated[
        float, Doc("Subtracted from this rank's clock to get rank 0's, by ping-pong.")
    ]
    mpi_progress_percent: Annotated[
        float | None,
        Doc("Share of a 4 MiB Iallreduce that hides behind computing without MPI calls."),
    ]
    polling_progress_percent: Annotated[
        float | None, Doc("The same with MPI_Testall between steps of the computing.")
    ]
    thread_progress_percent: Annotated[
        float | None, Doc("The same with a helper thread that calls MPI.")
    ]
    progress_method: Annotated[
        Literal["none", "library", "polling", "thread"],
        Doc("What kept MPI moving beside other work; `none` where nothing is under way beside it."),
    ]
    mpi_transfer: Annotated[
        Literal["none", "direct", "staged"],
        Doc(
            "How numbers get from an accelerator to MPI: `direct` where MPI reads its memory, "
            "`staged` through pinned host memory; `none` on a CPU."
        ),
    ]
    accelerator_copies_s: Annotated[
        float | None, Doc("Copies between the accelerator and pinned host memory.")
    ]
    accelerator_memory_bytes: Annotated[
        int | None, Doc("Most accelerator memory that torch held so far.")
    ]


@dataclass(frozen=True, kw_only=True)
class ScoreKey(RunConfig):
    """Which averaged model, scored on what."""

    round_index: Annotated[int, Doc("Round after which the averaged model was scored.")]
    test_set: Annotated[
        Literal["DS2", "DS2-disjoint"],
        Doc("DS2, or DS2 without records of subjects that are also in DS1 (202)."),
    ]


@dataclass(frozen=True)
class ScoreMeasurement:
    """Scores by AAMI class; empty where a score has no defined value."""

    macro_4_f1: Annotated[float | None, Doc("Mean F1 of N, S, V and F.")]
    macro_5_f1: Annotated[float | None, Doc("Mean F1 of all five classes.")]
    accuracy_ratio: Annotated[float, Doc("Beats classified rightly.")]
    n_f1: Annotated[float | None, Doc("F1 of N.")]
    s_f1: Annotated[float | None, Doc("F1 of S.")]
    v_f1: Annotated[float | None, Doc("F1 of V.")]
    f_f1: Annotated[float | None, Doc("F1 of F.")]
    q_f1: Annotated[float | None, Doc("F1 of Q.")]
    s_sensitivity: Annotated[float | None, Doc("S beats that were found.")]
    s_precision: Annotated[float | None, Doc("Beats called S that are S (EC57's +P).")]
    v_sensitivity: Annotated[float | None, Doc("V beats that were found.")]
    v_precision: Annotated[float | None, Doc("Beats called V that are V (EC57's +P).")]


@dataclass(frozen=True, kw_only=True)
class AllreduceKey:
    """One size of the collective."""

    world_size: Annotated[int, Doc("MPI ranks.")]
    link: Link
    oversubscribed: Annotated[bool, Doc("Whether a node had more ranks than cores.")]
    elements_count: Annotated[int, Doc("float32 numbers summed.")]
    sum: Annotated[
        Sum, Doc("MPI's float32 sum, or the fixed-point one, conversions to and fro included.")
    ]
    sample_index: Annotated[int, Doc("Timed call, from 0, in one process start.")]


@dataclass(frozen=True)
class AllreduceMeasurement:
    """One timed call."""

    allreduce_s: Annotated[float, Doc("Blocking sum over all ranks, on the slowest rank.")]


ROUNDS = Table(
    "module3_rounds",
    "One rank's part of one round of federated averaging.",
    RoundKey,
    RoundMeasurement,
)
SCORES = Table(
    "module3_scores",
    "One averaged model's scores on one test set.",
    ScoreKey,
    ScoreMeasurement,
)
ALLREDUCE = Table(
    "module3_allreduce",
    "One sum of float32 numbers over all ranks with nothing beside it.",
    AllreduceKey,
    AllreduceMeasurement,
)
TABLES = (ROUNDS, SCORES, ALLREDUCE, WIRE, PRIVACY, LINKS, MODEL, ROUND_MODEL, PEERS, FAULTS)
