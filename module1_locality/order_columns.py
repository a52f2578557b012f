"""The columns of `module1_orders`."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from crossscale_results import Table


@dataclass(frozen=True)
class OrderRun:
    """Columns that say in which order was trained, and what was scored."""

    protocol: Annotated[
        str, Doc("`test`: trained on DS1; `cross-validation`: each fold of DS1 held out in turn.")
    ]
    order: Annotated[
        str,
        Doc(
            "Order of the beats: `global` (A0), `two-level` (A2), `block-only`, `unshuffled` or "
            "`pre-shuffled`."
        ),
    ]
    block_windows_count: Annotated[
        int, Doc("Beats in a run read from the file; 0 where the order has no blocks.")
    ]
    buffer_blocks_count: Annotated[
        int, Doc("Runs shuffled together; 0 where the order has no buffer.")
    ]
    model: Annotated[str, Doc("Classifier: `beatnet` or `tinyecg`.")]
    rr_reference: Annotated[
        str, Doc("RR intervals compared with the whole `record`'s, or with earlier ones: `causal`.")
    ]
    epochs: Annotated[int, Doc("Passes over the training beats, the same for all orders.")]
    batch_size: Annotated[int, Doc("Beats in a batch.")]
    learning_rate: Annotated[float, Doc("AdamW's largest step size, of one cycle.")]
    rare_weight_ratio: Annotated[float, Doc("Weight of S and F beats in the loss.")]
    device: Annotated[str, Doc("Type of the device that trained: `cpu`, `cuda` or `xpu`.")]
    scored_on: Annotated[
        str, Doc("Beats scored: `DS2`; or `DS1`, each record by the model that has not seen it.")
    ]


@dataclass(frozen=True)
class OrderMeasurement:
    """Columns that say how mixed the batches were, how well it trained, and how fast it reads."""

    classes_per_batch_count: Annotated[
        float, Doc("Distinct classes in a batch, mean over all batches.")
    ]
    patients_per_batch_count: Annotated[
        float, Doc("Distinct patients in a batch, mean over all batches.")
    ]
    macro_4_f1: Annotated[float | None, Doc("Mean F1 of N, S, V and F.")]
    n_f1: Annotated[float | None, Doc("F1 of N.")]
    s_f1: Annotated[float | None, Doc("F1 of S.")]
    v_f1: Annotated[float | None, Doc("F1 of V.")]
    f_f1: Annotated[float | None, Doc("F1 of F.")]
    accuracy_ratio: Annotated[float, Doc("Beats classified rightly.")]
    training_s: Annotated[float, Doc("Wall time of the epochs, of all folds together.")]
    assembled_samples_per_s: Annotated[
        float,
        Doc("Beats assembled in this order in host memory over wall time, nothing else going on."),
    ]


ORDER_TABLE = Table(
    "module1_orders",
    "Module 1: a row is one classifier trained in one order, and scored.",
    OrderRun,
    OrderMeasurement,
)
