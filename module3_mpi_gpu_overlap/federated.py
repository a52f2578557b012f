"""Federated averaging: rounds of local training, averaging, and the next round's preparation.

Every rank takes part in every round (cross-silo), so each keeps its optimiser's state; only the
model is averaged. With one rank this is plain local training, to the bit.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from mpi4py import MPI
from torch import nn

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.labels import CLASSES
from module3_mpi_gpu_overlap.agreement import verify_same_model
from module3_mpi_gpu_overlap.averaging import Averaging, averaging_of
from module3_mpi_gpu_overlap.clock import clock_offset_s
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.device import peak_memory_bytes, synchronize
from module3_mpi_gpu_overlap.evaluation import Confusions, confusion_over_ranks
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.launch import AgreedError, World
from module3_mpi_gpu_overlap.local_training import (
    Batch,
    BatchStream,
    build_optimizer,
    class_weights,
    train_locally,
)
from module3_mpi_gpu_overlap.mpi_progress import progress_overlap_percent
from module3_mpi_gpu_overlap.timing import Timeline

WARM_UP_STEPS = 2


@dataclass(frozen=True)
class RankReport:
    """What one rank tells the others about its round."""

    timeline: Timeline
    loss: float
    finite: bool
    communication_s: float
    copies_s: float | None  # None without an accelerator
    accelerator_memory_bytes: int | None


@dataclass
class FederatedRun:
    """A finished run, the same on every rank."""

    model: FlatModel
    weights: list[float]  # each rank's share of the beats
    clock_offsets_s: list[float]
    progress_percent: float | None  # None in a world of one
    rounds: list[list[RankReport]] = field(default_factory=list)  # [round][rank]
    confusions: dict[int, Confusions] = field(default_factory=dict)  # by round
    digest: str = ""


def federate(
    world: World,
    settings: Settings,
    module: nn.Module,
    train: BeatInputs,
    test: BeatInputs,
    device: torch.device,
    seed: int,
    evaluate_every: int = 0,
    on_round: Callable[[], object] = lambda: None,
) -> FederatedRun:
    """Train `module` over all ranks' `train` beats and score it on their `test` beats; collective.

    Raises:
        AgreedError: a rank's model is not finite, or the ranks end with different models.
    """
    comm = world.comm
    model = FlatModel(module, device)
    _copy_from_rank_0(comm, model)
    beats_of_class = np.bincount(train.label, minlength=len(CLASSES)).astype(np.int64)
    own_beats = int(beats_of_class.sum())
    comm.Allreduce(MPI.IN_PLACE, beats_of_class, MPI.SUM)
    weight = own_beats / int(beats_of_class.sum())
    class_weight = class_weights(beats_of_class, settings.class_weights).to(device)

    stream = BatchStream(train, settings.batch_size, device, seed, world.rank)
    batches = stream.prepare(settings.local_steps)
    _warm_up(settings, model, batches, class_weight)
    torch.manual_seed(rank_seed(seed, world.rank))

    mode, bucket = settings.mode, settings.bucket_bytes
    averaging = averaging_of(mode, comm, model, model.vector, weight, bucket)
    alone = averaging_of(mode, comm, model, model.vector.clone(), weight, bucket)
    optimizer = build_optimizer(model.module, settings)
    offset_s = clock_offset_s(comm)
    run = FederatedRun(
        model=model,
        weights=comm.allgather(weight),
        clock_offsets_s=comm.allgather(offset_s),
        progress_percent=progress_overlap_percent(comm) if world.size > 1 else None,
    )
    for index in range(settings.rounds):
        comm.Barrier()
        begin_s = MPI.Wtime() - offset_s
        loss = train_locally(model.module, optimizer, batches, class_weight, settings.precision)
        finite = model.is_finite() and bool(np.isfinite(loss))
        synchronize(device)
        arrival_s = MPI.Wtime() - offset_s
        averaging.start()
        started_s = MPI.Wtime() - offset_s
        batches = stream.prepare(settings.local_steps, averaging.poll)
        prepared_s = MPI.Wtime() - offset_s
        averaging.finish()
        synchronize(device)
        end_s = MPI.Wtime() - offset_s

        blocked = ((arrival_s, started_s), (prepared_s, end_s))
        report = RankReport(
            timeline=Timeline(begin_s, arrival_s, end_s, blocked, prepared_s - started_s),
            loss=loss,
            finite=finite,
            communication_s=_communication_s(comm, alone),
            copies_s=None if device.type == "cpu" else averaging.copies_s,
            accelerator_memory_bytes=peak_memory_bytes(device),
        )
        run.rounds.append(comm.allgather(report))
        _require_finite(run.rounds[-1], index)
        last = index == settings.rounds - 1
        if last or (evaluate_every and (index + 1) % evaluate_every == 0):
            run.confusions[index] = confusion_over_ranks(comm, model.module, test, device)
        on_round()
    run.digest = model.digest()
    verify_same_model(world, run.digest)
    return run


def rank_seed(seed: int, rank: int) -> int:
    """Seed of a rank's own random numbers (dropout)."""
    return int(np.random.SeedSequence([seed, rank]).generate_state(1)[0])


def _copy_from_rank_0(comm: MPI.Intracomm, model: FlatModel) -> None:
    host = model.host_vector()
    comm.Bcast(host, root=0)
    model.vector.copy_(torch.from_numpy(host))


def _warm_up(
    settings: Settings, model: FlatModel, batches: list[Batch], class_weight: torch.Tensor
) -> None:
    """First use sets up torch's operators: let a throw-away copy of the model pay for it."""
    module = copy.deepcopy(model.module)
    optimizer = build_optimizer(module, settings)
    train_locally(module, optimizer, batches[:WARM_UP_STEPS], class_weight, settings.precision)


def _communication_s(comm: MPI.Intracomm, alone: Averaging) -> float:
    """The averaging of a vector nobody needs, once warm: the slowest rank's time; collective."""
    elapsed_s = 0.0
    for _ in range(2):
        comm.Barrier()
        start_s = MPI.Wtime()
        alone.start()
        alone.finish()
        elapsed_s = MPI.Wtime() - start_s
    slowest_s: float = comm.allreduce(elapsed_s, MPI.MAX)
    return slowest_s


def _require_finite(reports: list[RankReport], index: int) -> None:
    for rank, report in enumerate(reports):
        if not report.finite:
            raise AgreedError(
                f"the model of rank {rank} is not finite after the local steps of round {index}: "
                "lower --learning-rate, or look at that rank's data"
            )
