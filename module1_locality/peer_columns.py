"""Columns of the table in which other data loaders are set beside the suite's."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_results import Table


@dataclass(frozen=True)
class PeerRun:
    """Columns that say what assembled the batches."""

    contestant: Annotated[
        str, Doc("Library or rung; `memcpy` is the shard copied in its own order.")
    ]
    library_version: Annotated[str, Doc("Version of the library; `none` where not installed.")]
    role: Annotated[
        Literal["peer", "suite", "bound"], Doc("Another library, a rung of the ladder, or a bound.")
    ]
    choice: Annotated[
        Literal["default", "best"],
        Doc("As its documentation shows it, or the fastest of its candidates in this run."),
    ]
    settings: Annotated[str, Doc("How it was set up.")]
    order: Annotated[
        str,
        Doc(
            "`random`: a global shuffle; `buffer`: runs shuffled in a buffer; `runs`: a batch is a "
            "run of the shard, the runs in random order; `shard`: the shard's own."
        ),
    ]
    batch_size: Annotated[int, Doc("Windows in a batch.")]
    memory_kept: Annotated[bool, Doc("Whether the C library kept freed memory in the process.")]
    warmup_batches_count: Annotated[int, Doc("Batches assembled before the clock started.")]
    fragment_windows_count: Annotated[
        int, Doc("Windows timed; fewer where they take more than a second.")
    ]


@dataclass(frozen=True)
class PeerMeasurement:
    """Columns that say how fast, and what it took to get there."""

    assembled_samples_per_s: Annotated[float | None, Doc("Windows assembled over wall time.")]
    assembled_gb_per_s: Annotated[
        float | None, Doc("Bytes of waveforms and labels over wall time, each counted once.")
    ]
    memcpy_gb_per_s: Annotated[
        float | None, Doc("`assembled_gb_per_s` of `memcpy` in the same repeat.")
    ]
    memcpy_share_ratio: Annotated[
        float | None, Doc("`assembled_gb_per_s` over `memcpy_gb_per_s`: 1 is the bound.")
    ]
    first_batch_ms: Annotated[
        float | None, Doc("From asking for an epoch to its first batch: its order, its workers.")
    ]
    preparation_s: Annotated[
        float | None, Doc("Time to write the library's own format, outside all other times.")
    ]
    on_disk_bytes: Annotated[int | None, Doc("Size of the library's own format.")]


PEERS_TABLE = Table(
    "module1_peers",
    "Module 1: a row is a fragment of an epoch assembled by one data loader, and not trained on.",
    PeerRun,
    PeerMeasurement,
)
