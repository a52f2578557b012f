"""A federated run from the first model to the last: calibration, rounds, scores and agreement.

With one rank that is one client it is plain local training, to the bit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

import numpy as np
import torch
from mpi4py import MPI
from torch import nn

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.labels import CLASSES
from module3_mpi_gpu_overlap.agreement import verify_same_model
from module3_mpi_gpu_overlap.averaging import Averaging, averaging_of
from module3_mpi_gpu_overlap.change_averaging import ChangeAveraging
from module3_mpi_gpu_overlap.client_data import Clients
from module3_mpi_gpu_overlap.client_training import random_seed
from module3_mpi_gpu_overlap.clock import clock_offset_s, slowest_s
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.device_memory import Transfer
from module3_mpi_gpu_overlap.evaluation import Confusions, confusion_over_ranks
from module3_mpi_gpu_overlap.federation import Federation
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.ladder import LADDER
from module3_mpi_gpu_overlap.launch import AgreedError, World
from module3_mpi_gpu_overlap.local_training import class_weights
from module3_mpi_gpu_overlap.mpi_progress import LAYER_POLLS, SelfTest, polls_of, self_test
from module3_mpi_gpu_overlap.progress_helper import SHORTEST_INTERVAL_S, progress_helper
from module3_mpi_gpu_overlap.rank_report import RankReport
from module3_mpi_gpu_overlap.run_state import KeptRun

ALONE_SAMPLES = 5


@dataclass
class FederatedRun:
    """A finished run, the same on every rank."""

    model: FlatModel
    clock_offsets_s: list[float]
    self_test: SelfTest | None  # None in a world of one
    progress_method: Literal["none", "library", "polling", "thread"]
    communication_s: float
    payload_bytes: int
    transfer: Transfer
    first_round: int = 0  # above 0 in a run that was resumed
    rounds: list[list[RankReport]] = field(default_factory=list)  # [round - first_round][rank]
    confusions: dict[int, Confusions] = field(default_factory=dict)  # by round
    digest: str = ""


def federate(
    world: World,
    settings: Settings,
    module: nn.Module,
    clients: Clients,
    test: BeatInputs,
    device: torch.device,
    seed: int,
    evaluate_every: int = 0,
    on_round: Callable[[], object] = lambda: None,
    kept: KeptRun | None = None,
) -> FederatedRun:
    """Train `module` over all clients and score it on all ranks' `test` beats; collective.

    Args:
        world: the ranks.
        settings: what to do.
        module: rank 0's is trained, on every rank.
        clients: all clients, and this rank's beats.
        test: this rank's share of the beats to score.
        device: what this rank trains on.
        seed: seed of batches, dropout and sampling.
        evaluate_every: rounds from one scoring to the next; 0 scores the last model only.
        on_round: called after each round.
        kept: where the state after a round is kept, and resumed from if there is one.

    Raises:
        AgreedError: no client's update was usable, the ranks end with different models, or a state
            cannot be read or written.
    """
    comm = world.comm
    world.heartbeat.beat("the other ranks to be ready for the first round")
    model = FlatModel(module, device)
    _copy_from_rank_0(comm, model)
    class_weight = class_weight_of(comm, settings, clients).to(device)
    federation = Federation(world, settings, model, clients, class_weight, seed)
    federation.training.warm_up()
    torch.manual_seed(random_seed(seed, world.rank))
    with _given_back(federation.averaging):
        run = _calibrated(world, settings, federation, kept)
        run.rounds = _rounds(world, settings, federation, run, test, evaluate_every, kept, on_round)
    run.digest = model.digest()
    world.heartbeat.beat("what the other ranks end with")
    verify_same_model(world, run.digest)
    return run


def _calibrated(
    world: World, settings: Settings, federation: Federation, kept: KeptRun | None
) -> FederatedRun:
    """What is measured before the first round, which a run that was kept goes on from."""
    comm, payload_bytes = world.comm, federation.averaging.payload_bytes
    often = federation.polls_layers
    polls = LAYER_POLLS if often else polls_of(payload_bytes, settings.local_steps)
    world.heartbeat.beat()
    tested = self_test(comm, settings.progress, polls) if world.size > 1 else None
    world.heartbeat.beat()
    method = tested.chosen if tested and not LADDER[settings.mode].blocking else None
    return FederatedRun(
        model=federation.model,
        clock_offsets_s=comm.allgather(clock_offset_s(comm)),
        self_test=tested,
        progress_method=method or "none",  # type: ignore[arg-type]  # chosen is never `auto`
        communication_s=_communication_s(world, settings, federation),
        payload_bytes=payload_bytes,
        transfer=federation.averaging.transfer,
        first_round=kept.resume(world, federation) if kept else 0,
    )


def _rounds(
    world: World,
    settings: Settings,
    federation: Federation,
    run: FederatedRun,
    test: BeatInputs,
    evaluate_every: int,
    kept: KeptRun | None,
    on_round: Callable[[], object],
) -> list[list[RankReport]]:
    """All rounds, scored into `run`; their reports by [round - first_round][rank]."""
    comm, own_reports = world.comm, []
    offset_s = run.clock_offsets_s[world.rank]
    helped_by = "library" if run.progress_method == "none" else run.progress_method
    if run.first_round < settings.rounds:
        federation.training.prepare(run.first_round)
    comm.Barrier()
    interval_s = run.self_test.interval_s if run.self_test else SHORTEST_INTERVAL_S
    with progress_helper(comm, helped_by, interval_s) as helper:
        for index in range(run.first_round, settings.rounds):
            if not federation.delayed:
                world.heartbeat.beat(f"the other ranks to begin round {index}")
                comm.Barrier()
            last = index == settings.rounds - 1
            own_reports.append(federation.round(index, last, offset_s, helper))
            scored = federation.averaged_round
            every = evaluate_every and (scored + 1) % evaluate_every == 0
            if scored >= 0 and scored not in run.confusions and (last or every):
                run.confusions[scored] = _score(world, federation, test)
            if kept:
                kept.keep(world, federation, index, last)
            on_round()
    if not own_reports:  # killed when all rounds were done: what is left is to score the model
        federation.settle()
        run.confusions[settings.rounds - 1] = _score(world, federation, test)
    world.heartbeat.beat("the other ranks' reports")
    return [list(reports) for reports in zip(*comm.allgather(own_reports), strict=True)]


@contextmanager
def _given_back(averaging: Averaging | ChangeAveraging) -> Iterator[None]:
    """Close it at the end, or after an error that all ranks know of; after others they abort."""
    try:
        yield
    except AgreedError:
        averaging.close()
        raise
    averaging.close()


def _copy_from_rank_0(comm: MPI.Intracomm, model: FlatModel) -> None:
    host = model.host_vector()
    comm.Bcast(host, root=0)
    model.vector.copy_(torch.from_numpy(host))


def class_weight_of(comm: MPI.Intracomm, settings: Settings, clients: Clients) -> torch.Tensor:
    """Weight of each class in the loss, float32 [5], by all ranks' beats; collective."""
    beats_of_class = np.zeros(len(CLASSES), np.int64)
    for inputs in clients.own.values():
        beats_of_class += np.bincount(inputs.label, minlength=len(CLASSES))
    comm.Allreduce(MPI.IN_PLACE, beats_of_class, MPI.SUM)
    return class_weights(beats_of_class, settings.class_weights)


def _communication_s(world: World, settings: Settings, federation: Federation) -> float:
    """The averaging of a vector nobody needs, once warm: the slowest rank's time; collective."""
    model, tally_length = federation.model, len(federation.averaging.tally)
    nobodys = torch.zeros_like(model.vector)
    alone = averaging_of(settings, world.comm, model, nobodys, tally_length)
    samples_s = [_averaging_s(world, alone, model) for _ in range(1 + ALONE_SAMPLES)]
    alone.close()
    return median(samples_s[1:])


def _averaging_s(world: World, alone: Averaging | ChangeAveraging, model: FlatModel) -> float:
    world.heartbeat.beat()
    alone.clear()
    alone.add(model.vector, 1 / world.size)

    def average() -> None:
        alone.start()
        alone.finish()

    return slowest_s(world.comm, average)


def _score(world: World, federation: Federation, test: BeatInputs) -> Confusions:
    """The averaged model's scores; a rank's own, where that differs, is put back after them."""
    model = federation.model
    own = model.vector.clone()
    model.vector.copy_(federation.averaged)
    world.heartbeat.beat(f"the other ranks' scores of round {federation.averaged_round}")
    confusions = confusion_over_ranks(world.comm, model.module, test, model.vector.device)
    model.vector.copy_(own)
    return confusions
