"""torch.distributed over gloo: federated averaging by hand, and DistributedDataParallel.

Rendezvous and sums go over the loopback device, as between containers of one machine.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter

import torch
import torch.distributed as dist
from torch import nn

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.launch import World
from module3_mpi_gpu_overlap.local_training import (
    Batch,
    BatchStream,
    LocalOptimizer,
    train_locally,
)
from module3_mpi_gpu_overlap.peers.contestant import (
    Contestant,
    Job,
    Outcome,
    PeerRound,
    rounds_of,
)
from module3_mpi_gpu_overlap.peers.free_port import HOST, free_port
from module3_mpi_gpu_overlap.peers.step_times import rounds_s
from module3_mpi_gpu_overlap.timing import Timeline, round_s

LIMIT = timedelta(seconds=60)
GRADIENT_TOLERANCE = 1e-5  # relative: a float32 sum in another order


def _averaging(by_tensor: bool) -> Callable[[Job], Outcome]:
    """The suite's round with another collective: the same client, batches and weights."""

    def run(job: Job) -> Outcome:
        from module3_mpi_gpu_overlap.peers.local_client import LocalClient  # starts MPI

        client = LocalClient(job)
        vector = client.model.vector
        pieces = [vector[span] for span in client.model.spans] if by_tensor else [vector]
        own: list[Timeline] = []
        with _group(job.world):
            client.prepare(0)
            for index in range(job.settings.rounds):
                dist.barrier()
                begin_s = perf_counter()
                client.train(index, vector)
                arrival_s = perf_counter()
                vector.mul_(client.share)
                for piece in pieces:
                    dist.all_reduce(piece)
                averaged_s = perf_counter()
                client.prepare(index + 1)
                end_s = perf_counter()
                blocked = ((arrival_s, averaged_s),)
                own.append(Timeline(begin_s, arrival_s, end_s, blocked, end_s - averaged_s))
        own_s = rounds_s(job.steps, job.settings.rounds, job.settings.local_steps)
        told = job.world.comm.allgather((own, own_s))
        timelines = list(zip(*(theirs for theirs, _ in told), strict=True))
        trained_s = list(zip(*(theirs for _, theirs in told), strict=True))
        return Outcome(rounds_of(timelines, trained_s), client.model.host_vector())

    return run


def _data_parallel(job: Job) -> Outcome:
    """Gradients averaged within every step: another algorithm, on the same batches.

    Raises:
        UserError: a step's gradients are not the mean of the ranks'.
    """
    from module3_mpi_gpu_overlap.peers.local_client import CPU, LocalClient  # starts MPI

    client = LocalClient(job)
    inputs = job.data.clients.own[job.world.rank]
    stream = BatchStream(inputs, job.settings.batch_size, CPU, [job.seed, job.world.rank])
    optimizer = LocalOptimizer(job.module, job.settings, CPU)
    own: list[Timeline] = []
    with _group(job.world):
        batches = stream.prepare(job.settings.local_steps)
        mean = _gradients(job, job.module, batches[0]) / job.world.size
        dist.all_reduce(mean)
        replica = nn.parallel.DistributedDataParallel(job.module)
        off = torch.linalg.vector_norm(_gradients(job, replica, batches[0]) - mean)
        if not off <= GRADIENT_TOLERANCE * torch.linalg.vector_norm(mean):
            raise UserError("its gradients are not the mean of the ranks' own")
        for _ in range(job.settings.rounds):
            dist.barrier()
            begin_s = perf_counter()
            train_locally(replica, optimizer, batches, client.class_weight, job.settings.precision)
            trained_s = perf_counter()
            batches = stream.prepare(job.settings.local_steps)
            end_s = perf_counter()
            own.append(Timeline(begin_s, trained_s, end_s, (), end_s - trained_s))
    rounds = [
        PeerRound(round_s(timelines), max(timeline.preparation_s for timeline in timelines))
        for timelines in zip(*job.world.comm.allgather(own), strict=True)
    ]
    return Outcome(rounds, client.model.host_vector())


def _gradients(job: Job, of: nn.Module, batch: Batch) -> torch.Tensor:
    """Those of one batch, float32 [n]; in evaluation mode, so that all passes see one model."""
    of.eval()
    job.module.zero_grad(set_to_none=True)
    logits = of(batch.waveform, batch.context)
    nn.functional.cross_entropy(logits, batch.label).backward()
    found = [p.grad.flatten().clone() for p in job.module.parameters() if p.grad is not None]
    job.module.zero_grad(set_to_none=True)
    return torch.cat(found)


@contextmanager
def _group(world: World) -> Iterator[None]:
    """The process group of all ranks, and none afterwards."""
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    port = world.comm.bcast(free_port() if world.rank == 0 else None)
    address = f"tcp://{HOST}:{port}"
    dist.init_process_group("gloo", address, LIMIT, rank=world.rank, world_size=world.size)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _contestant(
    name: str, settings: str, run: Callable[[Job], Outcome], local_sgd: bool = True
) -> Contestant:
    return Contestant(
        name, "peer", "torch", "torch.distributed", settings, run, local_sgd=local_sgd
    )


GLOO_FLAT = _contestant(
    "gloo", "all_reduce of one flat tensor after a round", _averaging(by_tensor=False)
)
GLOO_BY_TENSOR = _contestant(
    "gloo by tensor", "all_reduce of each tensor after a round", _averaging(by_tensor=True)
)
DDP = _contestant(
    "DDP", "DistributedDataParallel over gloo, as it comes: every step", _data_parallel, False
)
