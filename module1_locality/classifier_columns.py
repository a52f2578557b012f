"""The columns of `module1_classifier`."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from crossscale_results import Table


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
    rung: Annotated[str, Doc("Rung of the ladder that fed the training.")]
    device: Annotated[str, Doc("Type of the device that trained: `cpu`, `cuda` or `xpu`.")]
    block_windows_count: Annotated[int, Doc("A2 on: beats in a run read from the file.")]
    buffer_blocks_count: Annotated[int, Doc("A2 on: runs shuffled together.")]
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

    training_s: Annotated[
        float, Doc("Wall time of the training's epochs, of all folds and resumed parts together.")
    ]
    trained_samples_per_s: Annotated[float, Doc("Beats trained on over `training_s`.")]
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


CLASSIFIER_TABLE = Table(
    "module1_classifier",
    "Module 1: a row is one trained classifier scored on some beats.",
    ClassifierRun,
    ClassifierMeasurement,
)
