"""The thread that gathers ahead: rows in order, no slot overwritten early, no lock of Python's."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from module2_openmp_conv import RowFiller

pytestmark = pytest.mark.kernels


def fillers() -> int:
    """Threads of this process that are called so."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return names.count("filler")


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    assert fillers() == 0


def numbered(rows: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Rows that are full of their own number."""
    numbers = torch.arange(rows).view(-1, *(1 for _ in shape))
    return numbers.expand(rows, *shape).to(dtype).contiguous()


def slots_of(depth: int, batch: int, like: Tensor) -> list[Tensor]:
    return [torch.full((batch, *like.shape[1:]), 7, dtype=like.dtype) for _ in range(depth)]


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(st.integers(0, 29), max_size=60),
    batch=st.integers(1, 20),
    depth=st.integers(1, 5),
    length=st.sampled_from([0, 1, 7, 500]),
    dtype=st.sampled_from([torch.float32, torch.int16]),
)
def test_batches_are_the_rows_in_order(
    rows: list[int], batch: int, depth: int, length: int, dtype: torch.dtype
) -> None:
    samples, label = numbered(30, length, dtype=dtype), numbered(30, dtype=torch.int64)
    into = slots_of(depth, batch, samples), slots_of(depth, batch, label)
    index = torch.tensor(rows, dtype=torch.int64)
    expected = index.split(batch) if rows else ()
    with RowFiller(index, [(samples, into[0]), (label, into[1])]) as filler:
        found = 0
        for k, filled in enumerate(filler.filled()):
            assert (filled.slot, filled.rows) == (k % depth, len(expected[k]))
            assert torch.equal(into[0][filled.slot][: filled.rows], samples[expected[k]])
            assert torch.equal(into[1][filled.slot][: filled.rows], expected[k])
            filler.release()
            found += 1
    assert found == len(expected)


def test_the_rest_of_a_slot_is_left_alone_by_a_smaller_batch() -> None:
    samples = numbered(30, 5)
    into = slots_of(2, 8, samples)
    with RowFiller(torch.arange(3), [(samples, into)]) as filler:
        assert [filled.rows for filled in filler.filled()] == [3]
    assert (into[0][3:] == 7).all()
    assert (into[1] == 7).all()


def test_a_slot_is_filled_again_only_once_it_is_given_back() -> None:
    samples = numbered(1000, 500)
    into = slots_of(2, 10, samples)
    with RowFiller(torch.arange(1000), [(samples, into)]) as filler:
        batches = filler.filled()
        first, second = next(batches), next(batches)
        time.sleep(0.02)  # it would have filled a hundred
        assert torch.equal(into[first.slot], samples[:10])
        assert torch.equal(into[second.slot], samples[10:20])
        filler.release()
        third = next(batches)
        assert third.slot == first.slot
        assert torch.equal(into[third.slot], samples[20:30])
        assert torch.equal(into[second.slot], samples[10:20])


def test_it_needs_no_lock_of_pythons() -> None:
    """It fills while the main thread, which no other of Python's may interrupt, runs Python."""
    samples = numbered(64, 100_000)
    into = slots_of(2, 32, samples)
    seen = into[1].numpy()
    kept = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    try:
        with RowFiller(torch.arange(64), [(samples, into)]):
            end_s = time.monotonic() + 20
            while seen[31, -1] != 63 and time.monotonic() < end_s:
                pass
            assert np.array_equal(seen, samples[32:].numpy())
    finally:
        sys.setswitchinterval(kept)


def test_it_ends_when_nobody_asks_any_more() -> None:
    samples = numbered(1000, 500)
    with RowFiller(torch.arange(1000), [(samples, slots_of(3, 10, samples))]) as filler:
        next(filler.filled())
        assert fillers() == 1
    assert fillers() == 0
    assert len(list(filler.filled())) <= 2  # what was ahead; nobody waits for more


def test_dropped_it_ends_as_well() -> None:
    samples = numbered(1000, 500)
    filler = RowFiller(torch.arange(1000), [(samples, slots_of(3, 10, samples))])
    next(filler.filled())
    assert fillers() == 1
    del filler
    assert fillers() == 0


def test_spans_are_on_the_clock_of_perf_counter() -> None:
    samples = numbered(100, 500)
    start_s = time.perf_counter()
    with RowFiller(torch.arange(100), [(samples, slots_of(2, 10, samples))]) as filler:
        spans = []
        for filled in filler.filled():
            spans.append(filled.span)
            filler.release()
    times = [start_s, *(at for span in spans for at in span), time.perf_counter()]
    assert len(spans) == 10
    assert times == sorted(times)


def test_more_given_back_than_taken_is_refused() -> None:
    samples = numbered(100, 5)
    with RowFiller(torch.arange(100), [(samples, slots_of(2, 10, samples))]) as filler:
        with pytest.raises(ValueError, match="no slot is out"):
            filler.release()
        next(filler.filled())
        filler.release()
        with pytest.raises(ValueError, match="no slot is out"):
            filler.release()


SAMPLES, ROWS = torch.zeros(30, 5), torch.arange(20)
SLOTS = [torch.zeros(4, 5), torch.zeros(4, 5)]
WRONG: dict[str, tuple[Tensor, list[Any], type[Exception], str]] = {
    "no array": (ROWS, [], ValueError, "there must be an array and a slot"),
    "no slot": (ROWS, [(SAMPLES, [])], ValueError, "there must be an array and a slot"),
    "empty slots": (ROWS, [(SAMPLES, [torch.zeros(0, 5)])], ValueError, "must hold a row"),
    "a slot without rows": (ROWS, [(SAMPLES, [torch.zeros(())])], ValueError, "must hold a row"),
    "slots of two sizes": (
        ROWS,
        [(SAMPLES, [SLOTS[0], torch.zeros(3, 5)])],
        ValueError,
        "all slots must be contiguous and hold 4 rows",
    ),
    "a slot's strides": (
        ROWS,
        [(SAMPLES, [torch.zeros(5, 4).T])],
        ValueError,
        "all slots must be contiguous",
    ),
    "arrays of other depths": (
        ROWS,
        [(SAMPLES, SLOTS), (SAMPLES, SLOTS[:1])],
        ValueError,
        "the same number of slots",
    ),
    "a row too far": (ROWS + 11, [(SAMPLES, SLOTS)], IndexError, "row 30 is not one of"),
    "a row too far in the second": (
        ROWS,
        [(SAMPLES, SLOTS), (SAMPLES[:10], SLOTS)],
        IndexError,
        "row 10 is not one of the source's 10",
    ),
    "rows' dtype": (ROWS.int(), [(SAMPLES, SLOTS)], TypeError, "one-dimensional int64"),
    "a slot's dtype": (ROWS, [(SAMPLES.double(), SLOTS)], TypeError, "out is Float where source"),
    "shorter rows": (ROWS, [(torch.zeros(30, 6), SLOTS)], ValueError, "do not fit an out of shape"),
    "source's strides": (ROWS, [(torch.zeros(30, 10)[:, ::2], SLOTS)], ValueError, "source must"),
    "rows' strides": (torch.arange(40)[::2], [(SAMPLES, SLOTS)], ValueError, "rows must"),
    "rows of one number": (ROWS[:1].expand(9**9), [(SAMPLES, SLOTS)], ValueError, "rows must"),
    "rows without a dimension": (ROWS[0], [(SAMPLES, SLOTS)], TypeError, "one-dimensional int64"),
    "meta": (ROWS, [(SAMPLES.to("meta"), SLOTS)], TypeError, "only dense tensors on the CPU"),
    "no tensor": (ROWS, [([0.0], SLOTS)], TypeError, "source is no tensor but a"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused(what: str) -> None:
    rows, arrays, error, message = WRONG[what]
    with pytest.raises(error, match=message):
        RowFiller(rows, arrays)
