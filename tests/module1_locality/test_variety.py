"""How mixed batches are, counted by hand."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from module1_locality.epoch import Epoch, rows_in_order
from module1_locality.rungs import LADDER, RUNGS
from module1_locality.training_windows import TrainingWindows
from module1_locality.variety import batch_variety, distinct_per_batch


@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.name)
def test_distinct_classes_and_records_are_counted(
    make_epoch: Callable[..., Epoch], rung: object
) -> None:
    epoch = make_epoch(windows=96, batch_size=16, block_windows=8)
    order = rows_in_order(rung, epoch).reshape(-1, 16)  # type: ignore[arg-type]
    variety = batch_variety(rung, epoch)  # type: ignore[arg-type]
    assert variety.classes == 16  # every window is a class of its own here
    assert variety.records == pytest.approx(np.mean([len(set(rows // 10)) for rows in order]))


def test_a_last_batch_that_is_short_does_not_count(make_epoch: Callable[..., Epoch]) -> None:
    assert batch_variety(RUNGS["A0"], make_epoch(windows=20, batch_size=16)).classes == 16


def test_records_that_are_not_known_are_not_counted(
    make_epoch: Callable[..., Epoch], learnable_windows: TrainingWindows
) -> None:
    variety = batch_variety(RUNGS["A0"], make_epoch(learnable_windows, batch_size=64))
    assert variety.records is None
    assert variety.classes == 2


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(1, 10))
def test_distinct_values_are_counted_batch_by_batch(values: list[int], batch_size: int) -> None:
    whole = range(0, len(values) - batch_size + 1, batch_size)
    expected = [len(set(values[start : start + batch_size])) for start in whole]
    assert distinct_per_batch(np.array(values), batch_size).tolist() == expected
