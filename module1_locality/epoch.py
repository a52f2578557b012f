"""One epoch's batches before it is said how they are made: which windows, and when."""

from dataclasses import dataclass

from module1_locality.orders import Rows, global_shuffle, preshuffled
from module1_locality.rungs import Rung
from module1_locality.shuffle_buffer import BlockShuffle, block_shuffled, buffer_shuffled
from module1_locality.training_windows import TrainingWindows


@dataclass(frozen=True)
class Epoch:
    """What all rungs of a round have in common."""

    windows: TrainingWindows
    batch_size: int
    shuffle: BlockShuffle  # its seed and epoch are also the global shuffle's
    workers: int
    depth: int


def rows_in_order(rung: Rung, epoch: Epoch) -> Rows:
    """The shard's rows in the order that the rung feeds them in, int64 [n]."""
    rows, shuffle = epoch.windows.rows, epoch.shuffle
    if rung.order == "random":
        return global_shuffle(rows, shuffle.seed, shuffle.epoch)
    if rung.order == "contiguous":
        return buffer_shuffled(rows, shuffle)
    if rung.order == "blocks":
        return block_shuffled(rows, shuffle)
    return preshuffled(rows, shuffle.seed)  # the same in every epoch
