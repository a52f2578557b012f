"""Epoch orders: complete, determined by seed and epoch, and made of runs where they say so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from module1_locality.orders import (
    contiguous_blocks,
    global_shuffle,
    preshuffled,
    shuffled_blocks,
    shuffled_buffer,
)

ROWS = st.sets(st.integers(0, 300)).map(lambda rows: np.array(sorted(rows), np.int64))


def flat(blocks: list[slice]) -> list[int]:
    return [row for block in blocks for row in range(block.start, block.stop)]


@given(ROWS, st.integers(0, 9), st.integers(0, 9))
def test_the_global_shuffle_holds_each_row_once(rows: np.ndarray, seed: int, epoch: int) -> None:
    assert sorted(global_shuffle(rows, seed, epoch)) == rows.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_a_shard_is_that_of_no_epoch(seed: int) -> None:
    rows = np.arange(100)
    shard = preshuffled(rows, seed).tolist()
    assert sorted(shard) == rows.tolist()
    assert preshuffled(rows, seed).tolist() == shard
    assert all(global_shuffle(rows, seed, epoch).tolist() != shard for epoch in range(5))
    assert all(shuffled_buffer(100, seed, 0, fill).tolist() != shard for fill in range(5))


@given(ROWS, st.integers(1, 40))
def test_blocks_hold_each_row_once_and_in_order(rows: np.ndarray, block_windows: int) -> None:
    blocks = contiguous_blocks(rows, block_windows)
    assert flat(blocks) == rows.tolist()
    assert all(1 <= block.stop - block.start <= block_windows for block in blocks)


@given(ROWS, st.integers(1, 40))
def test_there_are_no_more_blocks_than_gaps_and_lengths_force(
    rows: np.ndarray, block_windows: int
) -> None:
    gaps = int((np.diff(rows) != 1).sum())
    whole = len(rows) // block_windows
    assert len(contiguous_blocks(rows, block_windows)) <= whole + gaps + 1


@given(ROWS, st.integers(1, 40), st.integers(0, 9))
def test_shuffled_blocks_are_the_same_blocks(
    rows: np.ndarray, block_windows: int, seed: int
) -> None:
    shuffled = shuffled_blocks(rows, block_windows, seed, epoch=0)
    by_start = sorted(shuffled, key=lambda block: block.start)
    assert by_start == contiguous_blocks(rows, block_windows)


def orders(seed: int, epoch: int) -> tuple[list[int], list[int], list[int]]:
    rows = np.arange(400)
    return (
        global_shuffle(rows, seed, epoch).tolist(),
        flat(shuffled_blocks(rows, 8, seed, epoch)),
        shuffled_buffer(400, seed, epoch, fill=0).tolist(),
    )


def test_orders_are_determined_by_seed_and_epoch() -> None:
    assert orders(3, 5) == orders(3, 5)


@pytest.mark.parametrize("other", [(4, 5), (3, 6), (5, 3)])
def test_orders_differ_by_seed_and_by_epoch(other: tuple[int, int]) -> None:
    for order, different in zip(orders(3, 5), orders(*other), strict=True):
        assert order != different


def test_buffers_of_one_epoch_are_shuffled_each_its_own_way() -> None:
    fills = {tuple(shuffled_buffer(100, 0, 0, fill)) for fill in range(5)}
    assert len(fills) == 5
