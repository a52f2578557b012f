"""A trained classifier's confusions as rows: all beats together, unseen subjects, each record."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from crossscale_data.labels import CLASSES
from crossscale_data.records import DS1, shared_subjects
from crossscale_data.scores import Scores, confusion_matrix, scores
from crossscale_results import Row
from crossscale_results.rows import empty_columns
from module1_locality.classifier_columns import ClassifierMeasurement, ClassifierRun
from module1_locality.train_config import Train, Variant

Confusion = npt.NDArray[np.int64]  # [5, 5], true class by predicted class

UNDEFINED = "undefined: the class neither occurs nor is predicted"


def confusions(
    label: npt.NDArray[np.uint8],
    record: npt.NDArray[np.int16],
    predicted: npt.NDArray[np.int64],
) -> dict[str, Confusion]:
    """The confusion matrix of each group of beats, by the group's name in `scored_on`.

    Args:
        label: true class of each beat that was scored (DS2, or DS1 in cross-validation), [n].
        record: the beat's record, [n].
        predicted: class that the beat was called, [n].
    """
    records = np.unique(record).tolist()
    groups: dict[str, list[int]] = {}
    if set(records) <= set(DS1):
        groups["DS1"] = records
    else:
        groups["DS2"] = records
        groups["DS2-disjoint"] = [r for r in records if not shared_subjects([r], DS1)]
    groups |= {f"record {record}": [record] for record in records}
    found = {}
    for name, members in groups.items():
        rows = np.isin(record, members)
        found[name] = confusion_matrix(label[rows], predicted[rows])
    return found


@dataclass(frozen=True)
class Trained:
    """What a training, or one for each fold, came to."""

    confusions: Mapping[str, Confusion]  # by what was scored
    parameters_count: int
    device: str
    training_s: float
    beats_trained: int  # a beat counts once an epoch


def classifier_rows(trained: Trained, config: Train, variant: Variant, seed: int) -> list[Row]:
    """A row for each group of beats."""
    return [
        Row(
            _run(trained, config, variant, scored_on),
            measurement := _measurement(trained, confusion),
            seed=seed,
            repeat=0,
            not_measured=dict.fromkeys(empty_columns(measurement), UNDEFINED),
        )
        for scored_on, confusion in trained.confusions.items()
    ]


def _run(trained: Trained, config: Train, variant: Variant, scored_on: str) -> ClassifierRun:
    return ClassifierRun(
        protocol=config.protocol,
        model=variant.model,
        rr_reference=variant.rr_reference,
        parameters_count=trained.parameters_count,
        epochs=config.recipe.epochs,
        batch_size=config.recipe.batch_size,
        learning_rate=config.recipe.learning_rate,
        rare_weight_ratio=config.recipe.rare_weight,
        rung=config.feeding.rung,
        device=trained.device,
        block_windows_count=config.feeding.block_windows,
        buffer_blocks_count=config.feeding.buffer_blocks,
        scored_on=scored_on,
    )


def _measurement(trained: Trained, confusion: Confusion) -> ClassifierMeasurement:
    found: Scores = scores(confusion)
    names = [name.lower() for name in CLASSES]
    by_class = {
        f"{name}_{score}": value
        for score in ("f1", "sensitivity", "precision")
        for name, value in zip(names, getattr(found, score), strict=True)
    }
    counts = {
        f"{true}_as_{called}_count": int(confusion[i, j])
        for (i, true), (j, called) in product(enumerate(names), enumerate(names))
    }
    return ClassifierMeasurement(
        training_s=trained.training_s,
        trained_samples_per_s=trained.beats_trained / trained.training_s,
        macro_4_f1=found.macro_f1_4,
        macro_5_f1=found.macro_f1_5,
        accuracy_ratio=found.accuracy,
        **by_class,
        **counts,
    )
