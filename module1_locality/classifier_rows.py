"""A trained classifier's confusions as rows: all beats together, unseen subjects, each record."""

from collections.abc import Mapping
from dataclasses import fields
from itertools import product

import numpy as np
import numpy.typing as npt

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.labels import CLASSES
from crossscale_data.records import DS1, shared_subjects
from crossscale_data.scores import Scores, confusion_matrix, scores
from crossscale_results import Row
from module1_locality.columns import ClassifierMeasurement, ClassifierRun
from module1_locality.train_config import Train, Variant

Confusion = npt.NDArray[np.int64]  # [5, 5], true class by predicted class

UNDEFINED = "undefined: the class neither occurs nor is predicted"


def confusions(inputs: BeatInputs, predicted: npt.NDArray[np.int64]) -> dict[str, Confusion]:
    """The confusion matrix of each group of beats, by the group's name in `scored_on`.

    Args:
        inputs: what was scored: DS2, or DS1 in cross-validation.
        predicted: class of each beat, int64 [n].
    """
    records = np.unique(inputs.record).tolist()
    groups: dict[str, list[int]] = {}
    if set(records) <= set(DS1):
        groups["DS1"] = records
    else:
        groups["DS2"] = records
        groups["DS2-disjoint"] = [r for r in records if not shared_subjects([r], DS1)]
    groups |= {f"record {record}": [record] for record in records}
    found = {}
    for name, members in groups.items():
        rows = np.isin(inputs.record, members)
        found[name] = confusion_matrix(inputs.label[rows], predicted[rows])
    return found


def classifier_rows(
    found: Mapping[str, Confusion],
    config: Train,
    variant: Variant,
    seed: int,
    parameters_count: int,
    training_s: float,
) -> list[Row]:
    """A row for each group of beats."""
    return [
        Row(
            _run(config, variant, parameters_count, scored_on),
            measurement := _measurement(confusion, training_s),
            seed=seed,
            repeat=0,
            not_measured={
                field.name: UNDEFINED
                for field in fields(measurement)
                if getattr(measurement, field.name) is None
            },
        )
        for scored_on, confusion in found.items()
    ]


def _run(config: Train, variant: Variant, parameters_count: int, scored_on: str) -> ClassifierRun:
    return ClassifierRun(
        protocol=config.protocol,
        model=variant.model,
        rr_reference=variant.rr_reference,
        parameters_count=parameters_count,
        epochs=config.recipe.epochs,
        batch_size=config.recipe.batch_size,
        learning_rate=config.recipe.learning_rate,
        rare_weight_ratio=config.recipe.rare_weight,
        scored_on=scored_on,
    )


def _measurement(confusion: Confusion, training_s: float) -> ClassifierMeasurement:
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
        training_s=training_s,
        macro_4_f1=found.macro_f1_4,
        macro_5_f1=found.macro_f1_5,
        accuracy_ratio=found.accuracy,
        **by_class,
        **counts,
    )
