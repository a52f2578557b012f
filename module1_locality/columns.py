"""The tables of module 1 and their columns."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from crossscale_results import Table


@dataclass(frozen=True)
class LadderRun:
    """Columns that say what was run."""

    rung: Annotated[str, Doc("Rung of the ladder: `A0`, `A0-workers`, `A1` … `A5`, `C0`.")]
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
    copy_ms: Annotated[float | None, Doc("Time of a batch's copy to the device, by its events.")]
    compute_ms: Annotated[
        float | None, Doc("Time of forward, backward and update; on a device by its events.")
    ]
    compute_only_step_ms: Annotated[
        float | None, Doc("`step_ms` of C0 in the same repeat at the same batch size.")
    ]
    exposed_ms: Annotated[
        float | None, Doc("Feeding that compute did not hide: `step_ms` − `compute_only_step_ms`.")
    ]
    batch_bytes: Annotated[int | None, Doc("Bytes of a batch: waveforms and labels.")]
    fed_gb_per_s: Annotated[float | None, Doc("Bytes of batches over wall time.")]
    copied_gb_per_s: Annotated[float | None, Doc("Bytes of a batch over `copy_ms`.")]
    trained_samples_per_s: Annotated[float | None, Doc("Windows trained on over wall time.")]
    first_loss: Annotated[float | None, Doc("Training loss of the first step, warm-up included.")]
    last_loss: Annotated[float | None, Doc("Mean training loss of the last quarter of the steps.")]


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
TABLES: tuple[Table, ...] = (LADDER_TABLE, ASSEMBLY_TABLE)
