"""One contestant on its ranks: started by `peer_bench`, tells its rounds in a JSON file."""

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from crossscale_results.provenance import collect
from module3_mpi_gpu_overlap.client_data import ClientData, load_client_data
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.congestion_control import congestion_control
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.launch import World, agreed, require_ranks, run_on_ranks
from module3_mpi_gpu_overlap.models import model_of
from module3_mpi_gpu_overlap.peers.contestant import RANKS, Contestant, Job, Outcome, ranks_of
from module3_mpi_gpu_overlap.peers.contestants import CONTESTANTS
from module3_mpi_gpu_overlap.peers.step_times import record_steps


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """Who runs how much, on what."""

    contestant: str
    rounds: int
    local_steps: int
    batch_size: int
    data_dir: Path
    seed: int
    out: Path


def work(world: World, config: WorkerConfig) -> None:
    """Run the contestant; rank 0 writes what came out. Collective."""
    contestant = CONTESTANTS[config.contestant]
    agreed(world, lambda: require_ranks(world, ranks_of(contestant)))
    torch.set_num_threads(1)  # for everyone, however many cores there are
    settings = Settings(
        rounds=config.rounds,
        local_steps=config.local_steps,
        batch_size=config.batch_size,
        progress="library",
        device="cpu",
    )
    clients = _clients(world)
    data = agreed(
        world,
        lambda: (
            load_client_data(clients, config.data_dir, settings, config.seed)
            if world.rank < RANKS
            else None
        ),
    )
    if data is None:
        assert contestant.serve is not None
        contestant.serve(world, settings)
        return
    outcome, start = _run(contestant, world, clients, settings, data, config.seed)
    if world.rank == 0:
        told = {
            "rounds": [asdict(own) for own in outcome.rounds],
            "averaged": outcome.averaged.tolist(),
            "start": start,
            "congestion_control": congestion_control(),
            "memory_kept": world.memory_kept,
            "mpi_version": collect(data.source.dataset, "custom").mpi_version,
        }
        config.out.write_text(json.dumps(told))


def _run(
    contestant: Contestant,
    world: World,
    clients: World,
    settings: Settings,
    data: ClientData,
    seed: int,
) -> tuple[Outcome, list[float]]:
    """What came out, and the numbers that training began with."""
    inputs = data.clients.own[clients.rank]
    torch.manual_seed(seed)
    module = model_of(settings, inputs.waveform.shape[1], inputs.context.shape[1])
    start = FlatModel(module, torch.device("cpu")).host_vector().tolist()
    job = Job(clients, world, settings, data, module, record_steps(module), seed)
    return contestant.run(job), start


def _clients(world: World) -> World:
    """The ranks that train; a server's rank gets a world of its own."""
    own = range(RANKS) if world.rank < RANKS else range(RANKS, world.size)
    comm = world.comm.Create_group(world.comm.group.Incl(own))
    return replace(
        world, comm=comm, rank=comm.rank, size=comm.size, local_rank=comm.rank, local_size=comm.size
    )


if __name__ == "__main__":
    sys.exit(run_on_ranks(WorkerConfig, work, "worker", __doc__ or ""))
