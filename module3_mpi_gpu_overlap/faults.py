"""What can go wrong with a federation, and random ones of it from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from module3_mpi_gpu_overlap.ladder import Mode

FaultKind = Literal[
    "killed rank",
    "killed mpiexec",
    "stopped rank",
    "NaN update",
    "absurd update",
    "absurd loss",
    "flipped bit",
    "truncated state",
]
# What became of what a run promises: all kept, or the first that was broken.
Promise = Literal["kept", "hang", "corrupt checkpoint", "silent wrong model"]
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
SIGNALS: tuple[FaultKind, ...] = ("killed rank", "killed mpiexec", "stopped rank")
POISONS: tuple[FaultKind, ...] = ("NaN update", "absurd update", "absurd loss")
DAMAGES: tuple[FaultKind, ...] = ("flipped bit", "truncated state")

WORLDS = (2, 2, 2, 3)  # three ranks on two cores take twice as long as two
MODES: tuple[Mode, ...] = ("G1", "G3")
AT_ANY_TIME = -1  # in place of a round
AT_ANY_TIME_SHARE = 0.4  # of the signals; the others come soon after a round


@dataclass(frozen=True)
class Fault:
    """One fault, and the run that it happens to."""

    kind: FaultKind
    ranks: int
    mode: Mode
    rank: int  # that is killed, stopped or poisoned; -1 where it is none
    round_index: int  # after which, or in which; AT_ANY_TIME of the run
    fraction: float  # 0 to 1: of what follows until it happens; of a file's length; of a range


def draw_faults(tries: int, rounds: int, seed: int) -> Iterator[Fault]:
    """So many random faults for runs of so many rounds; each kind comes about equally often."""
    random = np.random.default_rng(seed)
    kinds: list[FaultKind] = []
    for _ in range(tries):
        kinds = kinds or [KINDS[k] for k in random.permutation(len(KINDS))]
        kind = kinds.pop()
        ranks = int(random.choice(WORLDS))
        mode = MODES[random.integers(len(MODES))]
        rank = -1 if kind == "killed mpiexec" or kind in DAMAGES else int(random.integers(ranks))
        at_any_time = kind in DAMAGES or (kind in SIGNALS and random.random() < AT_ANY_TIME_SHARE)
        round_index = AT_ANY_TIME if at_any_time else int(random.integers(rounds))
        yield Fault(kind, ranks, mode, rank, round_index, float(random.random()))
