"""Scores follow their definitions, and one without a value is None."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossscale_data.labels import CLASSES
from crossscale_data.scores import Scores, confusion_matrix, scores

DS2_COUNTS = (44259, 1837, 3221, 388, 7)
PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if len(defined) == len(values) else None


def by_definition(pairs: list[tuple[int, int]]) -> Scores:
    """Every score counted beat by beat from (true class, predicted class)."""
    sensitivity, precision, f1 = [], [], []
    for c in range(5):
        tp = sum(true == c and predicted == c for true, predicted in pairs)
        fn = sum(true == c and predicted != c for true, predicted in pairs)
        fp = sum(true != c and predicted == c for true, predicted in pairs)
        sensitivity.append(ratio(tp, tp + fn))
        precision.append(ratio(tp, tp + fp))
        f1.append(ratio(2 * tp, 2 * tp + fp + fn))
    right = sum(true == predicted for true, predicted in pairs)
    return Scores(
        sensitivity=tuple(sensitivity),
        precision=tuple(precision),
        f1=tuple(f1),
        macro_f1_4=mean(f1[:4]),
        macro_f1_5=mean(f1),
        accuracy=right / len(pairs),
    )


def flat(of: Scores) -> list[float | None]:
    macro = [of.macro_f1_4, of.macro_f1_5, of.accuracy]
    return [*of.sensitivity, *of.precision, *of.f1, *macro]


@given(pairs=PAIRS)
def test_a_matrix_counts_true_by_row_and_predicted_by_column(pairs: list[tuple[int, int]]) -> None:
    label, predicted = zip(*pairs, strict=True)
    confusion = confusion_matrix(np.array(label, np.uint8), list(predicted))
    assert (confusion.shape, confusion.dtype) == ((5, 5), np.int64)
    for true in range(5):
        for found in range(5):
            assert confusion[true, found] == pairs.count((true, found))


def test_the_row_is_the_true_class() -> None:
    confusion = confusion_matrix([2, 2, 2], [0, 2, 0])
    assert confusion[2].tolist() == [2, 0, 1, 0, 0]
    assert confusion.sum() == 3
    assert confusion_matrix([], []).tolist() == [[0] * 5] * 5


@given(pairs=PAIRS)
def test_scores_follow_their_definitions(pairs: list[tuple[int, int]]) -> None:
    got = scores(confusion_matrix(*map(list, zip(*pairs, strict=True))))
    for ours, expected in zip(flat(got), flat(by_definition(pairs)), strict=True):
        if expected is None:
            assert ours is None
        else:
            assert type(ours) is float
            assert math.isclose(ours, expected, rel_tol=1e-12)


def test_f1_is_the_harmonic_mean_of_sensitivity_and_precision() -> None:
    got = scores(confusion_matrix([1] * 10 + [0] * 30, [1] * 6 + [0] * 4 + [1] * 2 + [0] * 28))
    assert (got.sensitivity[1], got.precision[1]) == (0.6, 0.75)
    assert got.f1[1] == pytest.approx(2 * 0.6 * 0.75 / (0.6 + 0.75))


def test_a_class_that_neither_occurs_nor_is_predicted_has_no_scores() -> None:
    got = scores(confusion_matrix([0, 1, 2, 3], [0, 1, 2, 2]))
    q = CLASSES.index("Q")
    assert (got.sensitivity[q], got.precision[q], got.f1[q]) == (None, None, None)
    assert got.macro_f1_5 is None
    assert got.macro_f1_4 is not None
    assert got.f1[CLASSES.index("F")] == 0.0  # occurs, never found: that is a score of nought
    assert got.precision[CLASSES.index("F")] is None  # of none found, no share is right
    assert scores(confusion_matrix([0], [4])).sensitivity[q] is None


def test_a_perfect_classifier_scores_one_everywhere() -> None:
    got = scores(np.diag(DS2_COUNTS))
    assert flat(got) == [1.0] * 18


def test_calling_every_beat_of_ds2_normal_scores_as_it_should() -> None:
    label = np.repeat(np.arange(5), DS2_COUNTS)
    got = scores(confusion_matrix(label, np.zeros_like(label)))
    assert got.accuracy == pytest.approx(0.890, abs=5e-4)
    assert got.macro_f1_4 == pytest.approx(0.2355, abs=5e-5)  # a quarter of N's F1
    assert got.sensitivity == (1.0, 0.0, 0.0, 0.0, 0.0)
    assert got.precision == (got.accuracy, None, None, None, None)
    assert got.f1[1:] == (0.0, 0.0, 0.0, 0.0)
