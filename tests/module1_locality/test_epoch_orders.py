"""Every order holds each row once; two of them are what the rungs serve; diversity is counted."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from module1_locality import epoch_orders
from module1_locality.epoch import Epoch
from module1_locality.epoch_orders import (
    Order,
    assembled_samples_per_s,
    epoch_rows,
    gathered_batches,
)
from module1_locality.feed import batches_in_host_memory
from module1_locality.gather import HostBatch, gather_natively
from module1_locality.lanes import HostLane
from module1_locality.rungs import RUNGS
from module1_locality.training_windows import TrainingWindows

ORDERS = (
    Order("global"),
    Order("two-level", 4, 3),
    Order("block-only", 4),
    Order("unshuffled"),
    Order("pre-shuffled"),
)
GAPPED = np.concatenate([np.arange(3, 20), np.arange(30, 63)])  # 50 rows


@pytest.mark.parametrize("order", ORDERS, ids=str)
@given(
    rows=st.sets(st.integers(0, 80), min_size=1, max_size=60),
    seed=st.integers(0, 5),
    epoch=st.integers(0, 3),
)
def test_every_row_comes_once(order: Order, rows: set[int], seed: int, epoch: int) -> None:
    given_rows = np.array(sorted(rows))
    found = epoch_rows(order, given_rows, seed, epoch)
    assert sorted(found.tolist()) == given_rows.tolist()
    np.testing.assert_array_equal(found, epoch_rows(order, given_rows, seed, epoch))


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_only_what_was_written_or_left_in_order_repeats(order: Order) -> None:
    first, second = (epoch_rows(order, GAPPED, 0, epoch).tolist() for epoch in (0, 1))
    assert (first == second) == (order.name in ("unshuffled", "pre-shuffled"))
    assert (first == GAPPED.tolist()) == (order.name == "unshuffled")


def test_a_block_stays_as_it_stands_only_without_a_buffer() -> None:
    rows = epoch_rows(Order("block-only", 4), np.arange(40), 0, 0)
    assert (np.diff(rows.reshape(-1, 4)) == 1).all()
    rows = epoch_rows(Order("two-level", 4, 3), np.arange(40), 0, 0)
    assert not (np.diff(rows.reshape(-1, 4)) == 1).all()


@pytest.mark.parametrize(("order", "rung"), [(ORDERS[0], "A1"), (ORDERS[1], "A2")])
def test_orders_are_those_that_the_rungs_serve(
    make_windows: Callable[..., TrainingWindows],
    make_epoch: Callable[..., Epoch],
    order: Order,
    rung: str,
) -> None:
    windows = make_windows(70, GAPPED)
    epoch = make_epoch(windows, seed=2, epoch=1)
    served = [
        label
        for _, part in batches_in_host_memory(RUNGS[rung], epoch, HostLane())
        for label in part.tolist()
    ]
    assert served == epoch_rows(order, windows.rows, 2, 1).tolist()


def test_batches_hold_the_rows_in_their_order(
    make_windows: Callable[..., TrainingWindows],
) -> None:
    windows = make_windows(70, GAPPED)
    rows = epoch_rows(Order("global"), windows.rows, 0, 0)
    batches = list(gathered_batches(windows, rows, 8, HostLane()))
    assert torch.cat([label for _, label in batches]).tolist() == rows[:48].tolist()
    for samples, label in batches:
        assert (samples == label[:, None, None]).all()


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("batch_size", [50, 8])
def test_what_is_timed_gathers_the_epoch_in_its_order(
    make_windows: Callable[..., TrainingWindows],
    monkeypatch: pytest.MonkeyPatch,
    order: Order,
    batch_size: int,
) -> None:
    gathered: list[int] = []

    def gather(windows: TrainingWindows, rows: torch.Tensor, batch: HostBatch) -> None:
        gather_natively(windows, rows, batch)
        assert (batch[0] == batch[1][:, None, None]).all()
        gathered.extend(batch[1].tolist())

    monkeypatch.setattr(epoch_orders, "gather_natively", gather)
    windows = make_windows(70, GAPPED)
    assert assembled_samples_per_s(order, windows, batch_size, seed=0, epochs=1) > 0
    assert gathered == 2 * epoch_rows(order, GAPPED, 0, 0).tolist()  # warmed up by the same
