"""Orders made of runs of the shard: complete, in few runs, and mixed inside a buffer."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from module1_locality.shuffle_buffer import BlockShuffle, block_shuffled, buffer_shuffled

ROWS = st.sets(st.integers(0, 199)).map(lambda rows: np.array(sorted(rows), np.int64))
SHUFFLES = st.builds(
    BlockShuffle, st.integers(1, 20), st.integers(1, 5), st.integers(0, 3), st.integers(0, 3)
)


@given(ROWS, SHUFFLES)
def test_both_orders_hold_each_row_once(rows: np.ndarray, shuffle: BlockShuffle) -> None:
    assert sorted(block_shuffled(rows, shuffle)) == rows.tolist()
    assert sorted(buffer_shuffled(rows, shuffle)) == rows.tolist()


@given(ROWS, SHUFFLES)
def test_blocks_are_few_runs_of_the_shard(rows: np.ndarray, shuffle: BlockShuffle) -> None:
    breaks = int((np.diff(block_shuffled(rows, shuffle)) != 1).sum())
    gaps = int((np.diff(rows) != 1).sum())
    assert breaks <= len(rows) // shuffle.block_windows + gaps


@given(ROWS, SHUFFLES)
def test_a_buffer_mixes_its_own_blocks_and_no_others(
    rows: np.ndarray, shuffle: BlockShuffle
) -> None:
    blocks = np.split(
        block := block_shuffled(rows, shuffle), np.flatnonzero(np.diff(block) != 1) + 1
    )
    mixed = buffer_shuffled(rows, shuffle)
    capacity = shuffle.block_windows * shuffle.buffer_blocks
    place = {row: at for at, row in enumerate(mixed.tolist())}
    for run in blocks:
        for part in np.split(run, range(shuffle.block_windows, len(run), shuffle.block_windows)):
            spread = [place[row] for row in part.tolist()]
            assert not spread or max(spread) - min(spread) < capacity


def test_neighbours_in_the_shard_are_mixed_in_the_buffer() -> None:
    order = buffer_shuffled(np.arange(128), BlockShuffle(16, 4, 0, 0))
    assert (np.diff(order) == 1).mean() < 0.1
    assert len(set((order[:64] // 16).tolist())) == 4  # four blocks together
