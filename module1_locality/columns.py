"""The tables of module 1 and their columns."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from crossscale_results import Table
from module1_locality.classifier_columns import CLASSIFIER_TABLE
from module1_locality.order_columns import ORDER_TABLE
from module1_locality.peer_columns import PEERS_TABLE
from module1_locality.scale_columns import SCALE_TABLE

# What was counted of this process while the clock ran; both tables have these columns.
_MinorFaults = Annotated[int | None, Doc("Page faults served from memory, while the clock ran.")]
_MajorFaults = Annotated[int | None, Doc("Page faults that had to read from a disk.")]
_VoluntarySwitches = Annotated[
    int | None, Doc("Context switches because a thread of the process waited.")
]
_InvoluntarySwitches = Annotated[
    int | None, Doc("Context switches because another took its processor.")
]
_CacheMisses = Annotated[int | None, Doc("Misses of the last-level cache, outside the kernel.")]
_TlbMisses = Annotated[int | None, Doc("Reads that missed the data TLB, outside the kernel.")]


@dataclass(frozen=True)
class LadderRun:
    """Columns that say what was run."""

    rung: Annotated[
        str, Doc("Rung of the ladder, as in module 1's README: `A0` … `X-nonblocking`.")
    ]
    device: Annotated[str, Doc("Type of the device that computed: `cpu`, `cuda` or `xpu`.")]
    page_locked: Annotated[bool, Doc("Whether the rung's staging buffers were page-locked.")]
    batch_size: Annotated[int, Doc("Windows in a batch.")]
    workers_count: Annotated[int, Doc("Worker processes that made batches.")]
    block_windows_count: Annotated[int, Doc("A2 on: windows in a run read from the shard.")]
    buffer_blocks_count: Annotated[int, Doc("A2 on: runs shuffled together.")]
    depth_count: Annotated[int, Doc("A3 on: buffers in the staging ring.")]
    memory_kept: Annotated[bool, Doc("Whether the C library kept freed memory in the process.")]
    warmup_steps_count: Annotated[int, Doc("Training steps before the clock started.")]
    steps_count: Annotated[int, Doc("Training steps timed, over which times are means.")]


@dataclass(frozen=True)
class LadderMeasurement:
    """Columns that say what was measured: means over the fragment's steps."""

    step_ms: Annotated[float | None, Doc("Wall time of a step, the fragment's over its steps.")]
    wait_ms: Annotated[
        float | None,
        Doc("Time a step's loop waited for its batch: assembly, blocking copy, queue."),
    ]
    assembly_ms: Annotated[
        float | None, Doc("Time to assemble a batch in host memory, in whatever thread.")
    ]
    copy_ms: Annotated[
        float | None,
        Doc(
            "Time of a batch's copy to the device: by its events from page-locked memory, else by "
            "the clock around single copies, the device idle, after the fragment."
        ),
    ]
    compute_ms: Annotated[
        float | None, Doc("Time of forward, backward and update; on a device by its events.")
    ]
    compute_only_step_ms: Annotated[
        float | None, Doc("`step_ms` of the control in the same repeat, at the same batch size.")
    ]
    exposed_ms: Annotated[
        float | None, Doc("Feeding that compute did not hide: `step_ms` − `compute_only_step_ms`.")
    ]
    exposed_copy_ms: Annotated[
        float | None,
        Doc("Of `exposed_ms`, the copy: time in which it ran and nothing was computed."),
    ]
    exposed_assembly_ms: Annotated[
        float | None, Doc("The rest: `exposed_ms` − `exposed_copy_ms`; all of it without copies.")
    ]
    overlap_ratio: Annotated[
        float | None,
        Doc("1 − `exposed_ms` / (`assembly_ms` + `copy_ms`), not clipped: 1 is all hidden."),
    ]
    ceiling_ratio: Annotated[
        float | None,
        Doc("What no feed can exceed: `step_ms` of A0 / of C0 − 1, both captured if the rung is."),
    ]
    batch_bytes: Annotated[
        int | None, Doc("Bytes of a batch, waveforms and labels, as it goes to the device.")
    ]
    fed_gb_per_s: Annotated[float | None, Doc("Bytes of batches over wall time.")]
    copied_gb_per_s: Annotated[float | None, Doc("Bytes of a batch over `copy_ms`.")]
    trained_samples_per_s: Annotated[float | None, Doc("Windows trained on over wall time.")]
    first_loss: Annotated[float | None, Doc("Training loss of the first step, warm-up included.")]
    last_loss: Annotated[float | None, Doc("Mean training loss of the last quarter of the steps.")]
    sample_error_mv: Annotated[
        float | None, Doc("Largest difference of a fed sample from the shard's: 0 but for int16.")
    ]
    classes_per_batch_count: Annotated[
        float | None, Doc("Distinct classes in a batch, mean over the epoch.")
    ]
    records_per_batch_count: Annotated[
        float | None, Doc("Distinct records, that is patients, in a batch, mean over the epoch.")
    ]
    minor_faults_count: _MinorFaults
    major_faults_count: _MajorFaults
    voluntary_switches_count: _VoluntarySwitches
    involuntary_switches_count: _InvoluntarySwitches
    cache_misses_count: _CacheMisses
    tlb_misses_count: _TlbMisses


@dataclass(frozen=True)
class AssemblyRun:
    """Columns that say what was assembled."""

    method: Annotated[
        str,
        Doc("Rung whose batches were assembled, or `memcpy`: the shard copied in its own order."),
    ]
    batch_size: Annotated[int, Doc("Windows in a batch.")]
    page_locked: Annotated[bool, Doc("Whether batches were assembled in page-locked buffers.")]
    workers_count: Annotated[int, Doc("Worker processes that made batches.")]
    block_windows_count: Annotated[int, Doc("A2 on: windows in a run read from the shard.")]
    buffer_blocks_count: Annotated[int, Doc("A2 on: runs shuffled together.")]
    memory_kept: Annotated[bool, Doc("Whether the C library kept freed memory in the process.")]
    warmup_batches_count: Annotated[int, Doc("Batches assembled before the clock started.")]
    batches_count: Annotated[int, Doc("Batches timed.")]


@dataclass(frozen=True)
class AssemblyMeasurement:
    """Columns that say how fast."""

    batch_ms: Annotated[float, Doc("Wall time of a batch, with nothing else going on.")]
    assembled_samples_per_s: Annotated[float, Doc("Windows assembled over wall time.")]
    assembled_gb_per_s: Annotated[
        float, Doc("Bytes of the assembled batches over wall time, each byte counted once.")
    ]
    memcpy_gb_per_s: Annotated[
        float, Doc("`assembled_gb_per_s` of `memcpy` in the same repeat at the same batch size.")
    ]
    minor_faults_count: _MinorFaults
    major_faults_count: _MajorFaults
    voluntary_switches_count: _VoluntarySwitches
    involuntary_switches_count: _InvoluntarySwitches
    cache_misses_count: _CacheMisses
    tlb_misses_count: _TlbMisses


LADDER_TABLE = Table(
    "module1_ladder",
    "Module 1: a row is a fragment of an epoch trained on by one rung.",
    LadderRun,
    LadderMeasurement,
)
ASSEMBLY_TABLE = Table(
    "module1_assembly",
    "Module 1: a row is a fragment of an epoch assembled in host memory, and not trained on.",
    AssemblyRun,
    AssemblyMeasurement,
)
TABLES: tuple[Table, ...] = (
    LADDER_TABLE,
    ASSEMBLY_TABLE,
    CLASSIFIER_TABLE,
    ORDER_TABLE,
    PEERS_TABLE,
    SCALE_TABLE,
)
