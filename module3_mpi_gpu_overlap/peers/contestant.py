"""What a contestant is, what it is given, and what it tells of its rounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import nn

from module3_mpi_gpu_overlap.client_data import ClientData
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.launch import World
from module3_mpi_gpu_overlap.peers.step_times import Step
from module3_mpi_gpu_overlap.timing import Timeline, rank_times, round_s

RANKS = 2  # clients, one thread each


@dataclass(frozen=True)
class Job:
    """What every contestant is given, on each of its ranks."""

    world: World  # the clients
    everyone: World  # with the server, where there is one
    settings: Settings
    data: ClientData
    module: nn.Module  # the same weights on all ranks
    steps: list[Step]  # that `module` made: see step_times
    seed: int


@dataclass(frozen=True)
class PeerRound:
    """One round, in seconds; None where the contestant has no such part."""

    round_s: float
    preparation_s: float  # drawing batches, on the rank that takes longest
    train_s: float | None = None  # local steps, on the rank that takes longest
    train_and_preparation_s: float | None = None  # both, on the rank that takes longest
    exposed_communication_s: float | None = None


@dataclass(frozen=True)
class Outcome:
    """A finished run, on rank 0 as told by all."""

    rounds: list[PeerRound]
    averaged: npt.NDArray[np.float32]  # [n], the last average


@dataclass(frozen=True)
class Contestant:
    """One runner with one setting of it."""

    name: str
    role: Literal["suite", "peer"]
    distribution: str  # on PyPI, whose version is recorded
    module: str  # what is imported
    settings: str
    run: Callable[[Job], Outcome]  # collective over the clients
    serve: Callable[[World, Settings], None] | None = None  # on one rank more, for all clients
    local_sgd: bool = True  # whether it averages models after a round, not gradients in each step


def ranks_of(contestant: Contestant) -> int:
    """Processes of a contestant: its clients, and its server."""
    return RANKS + (contestant.serve is not None)


def rounds_of(
    timelines: Sequence[Sequence[Timeline]], trained_s: Sequence[Sequence[float]]
) -> list[PeerRound]:
    """Rounds in the words of `timing`, of [round][rank] timelines and seconds of local steps."""
    found = []
    for own, train_s in zip(timelines, trained_s, strict=True):
        preparation_s = [timeline.preparation_s for timeline in own]
        both_s = map(sum, zip(train_s, preparation_s, strict=True))
        exposed_s = (times.exposed_communication_s for times in rank_times(own))
        found.append(
            PeerRound(round_s(own), max(preparation_s), max(train_s), max(both_s), max(exposed_s))
        )
    return found
