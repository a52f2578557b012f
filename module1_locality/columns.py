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


@dataclass(frozen=True)
class ClassifierRun:
    """Columns that say what was trained, and what it was scored on."""

    protocol: Annotated[
        str, Doc("`test`: trained on DS1; `cross-validation`: each fold of DS1 held out in turn.")
    ]
    model: Annotated[str, Doc("Classifier: `beatnet` or `tinyecg`.")]
    rr_reference: Annotated[
        str, Doc("RR intervals compared with the whole `record`'s, or with earlier ones: `causal`.")
    ]
    parameters_count: Annotated[int, Doc("Trainable parameters.")]
    epochs: Annotated[int, Doc("Passes over the training beats.")]
    batch_size: Annotated[int, Doc("Beats in a batch.")]
    learning_rate: Annotated[float, Doc("AdamW's largest step size, of one cycle.")]
    rare_weight_ratio: Annotated[float, Doc("Weight of S and F beats in the loss.")]
    scored_on: Annotated[
        str,
        Doc(
            "Beats scored: `DS2`; `DS2-disjoint`, without the subject that is also in DS1 (202); "
            "`DS1`, each record by the model that has not seen it; or `record <number>`."
        ),
    ]


@dataclass(frozen=True)
class ClassifierMeasurement:
    """Columns that say how well, by AAMI class; empty where a score has no defined value."""

    training_s: Annotated[float, Doc("Wall time of training, of all folds together.")]
    macro_4_f1: Annotated[float | None, Doc("Mean F1 of N, S, V and F.")]
    macro_5_f1: Annotated[float | None, Doc("Mean F1 of all five classes.")]
    accuracy_ratio: Annotated[float, Doc("Beats classified rightly.")]
    n_f1: Annotated[float | None, Doc("F1 of N.")]
    s_f1: Annotated[float | None, Doc("F1 of S.")]
    v_f1: Annotated[float | None, Doc("F1 of V.")]
    f_f1: Annotated[float | None, Doc("F1 of F.")]
    q_f1: Annotated[float | None, Doc("F1 of Q.")]
    n_sensitivity: Annotated[float | None, Doc("N beats that were found.")]
    n_precision: Annotated[float | None, Doc("Beats called N that are N (EC57's +P).")]
    s_sensitivity: Annotated[float | None, Doc("S beats that were found.")]
    s_precision: Annotated[float | None, Doc("Beats called S that are S (EC57's +P).")]
    v_sensitivity: Annotated[float | None, Doc("V beats that were found.")]
    v_precision: Annotated[float | None, Doc("Beats called V that are V (EC57's +P).")]
    f_sensitivity: Annotated[float | None, Doc("F beats that were found.")]
    f_precision: Annotated[float | None, Doc("Beats called F that are F (EC57's +P).")]
    q_sensitivity: Annotated[float | None, Doc("Q beats that were found.")]
    q_precision: Annotated[float | None, Doc("Beats called Q that are Q (EC57's +P).")]
    n_as_n_count: Annotated[int, Doc("N beats called N.")]
    n_as_s_count: Annotated[int, Doc("N beats called S.")]
    n_as_v_count: Annotated[int, Doc("N beats called V.")]
    n_as_f_count: Annotated[int, Doc("N beats called F.")]
    n_as_q_count: Annotated[int, Doc("N beats called Q.")]
    s_as_n_count: Annotated[int, Doc("S beats called N.")]
    s_as_s_count: Annotated[int, Doc("S beats called S.")]
    s_as_v_count: Annotated[int, Doc("S beats called V.")]
    s_as_f_count: Annotated[int, Doc("S beats called F.")]
    s_as_q_count: Annotated[int, Doc("S beats called Q.")]
    v_as_n_count: Annotated[int, Doc("V beats called N.")]
    v_as_s_count: Annotated[int, Doc("V beats called S.")]
    v_as_v_count: Annotated[int, Doc("V beats called V.")]
    v_as_f_count: Annotated[int, Doc("V beats called F.")]
    v_as_q_count: Annotated[int, Doc("V beats called Q.")]
    f_as_n_count: Annotated[int, Doc("F beats called N.")]
    f_as_s_count: Annotated[int, Doc("F beats called S.")]
    f_as_v_count: Annotated[int, Doc("F beats called V.")]
    f_as_f_count: Annotated[int, Doc("F beats called F.")]
    f_as_q_count: Annotated[int, Doc("F beats called Q.")]
    q_as_n_count: Annotated[int, Doc("Q beats called N.")]
    q_as_s_count: Annotated[int, Doc("Q beats called S.")]
    q_as_v_count: Annotated[int, Doc("Q beats called V.")]
    q_as_f_count: Annotated[int, Doc("Q beats called F.")]
    q_as_q_count: Annotated[int, Doc("Q beats called Q.")]


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
CLASSIFIER_TABLE = Table(
    "module1_classifier",
    "Module 1: a row is one trained classifier scored on some beats.",
    ClassifierRun,
    ClassifierMeasurement,
)
TABLES: tuple[Table, ...] = (LADDER_TABLE, ASSEMBLY_TABLE, CLASSIFIER_TABLE)
