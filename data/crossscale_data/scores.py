"""How good a classifier is, class by class, as ANSI/AAMI EC57 and de Chazal 2004 count it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossscale_data.labels import CLASSES


@dataclass(frozen=True)
class Scores:
    """Scores by class in the order of `CLASSES`; None where a score has no defined value."""

    sensitivity: tuple[float | None, ...]  # found of the true ones
    precision: tuple[float | None, ...]  # true of the found ones: EC57's +P
    f1: tuple[float | None, ...]
    macro_f1_4: float | None  # mean F1 of N, S, V, F
    macro_f1_5: float | None  # mean F1 of all five
    accuracy: float


def confusion_matrix(label: npt.ArrayLike, predicted: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Beats by true class (row) and predicted class (column), int64 [5, 5]."""
    classes = len(CLASSES)
    pairs = np.asarray(label, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def scores(confusion: npt.NDArray[np.int64]) -> Scores:
    """All scores of a confusion matrix (rows true, columns predicted) with at least one beat.

    F1 is 2 TP / (2 TP + FP + FN): undefined only where the class neither occurs nor is predicted.
    """
    hits = np.diag(confusion)
    true, found = confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = _ratios(2 * hits, true + found)
    return Scores(
        sensitivity=_ratios(hits, true),
        precision=_ratios(hits, found),
        f1=f1,
        macro_f1_4=_mean(f1[:4]),
        macro_f1_5=_mean(f1),
        accuracy=float(hits.sum() / confusion.sum()),
    )


def _ratios(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> tuple[float | None, ...]:
    return tuple(float(p / w) if w else None for p, w in zip(part, whole, strict=True))


def _mean(values: tuple[float | None, ...]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if len(defined) == len(values) else None
