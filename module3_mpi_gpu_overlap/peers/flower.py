"""Flower's own runner: a server in a process of its own, clients that it calls over gRPC.

The direct runner of `start_server` and `start_client`: the newer SuperLink and SuperNodes look for
messages every three seconds, which no round of this size would survive. Flower's telemetry is off.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.launch import World
from module3_mpi_gpu_overlap.peers.contestant import RANKS, Contestant, Job, Outcome, PeerRound
from module3_mpi_gpu_overlap.peers.free_port import HOST, free_port
from module3_mpi_gpu_overlap.peers.step_times import rounds_s

if TYPE_CHECKING:
    from module3_mpi_gpu_overlap.peers.local_client import LocalClient

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # read when flwr is imported

SERVER = RANKS  # the rank behind the clients'
Arrays = list[Any]  # NumPy arrays


@dataclass
class Fits:
    """When a client's calls of `fit` began and ended, and how long each drew batches."""

    spans: list[tuple[float, float]] = field(default_factory=list)
    preparation_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Format:
    """How a model travels: as arrays, or as bytes."""

    get: Callable[["LocalClient"], Arrays]
    set: Callable[["LocalClient", Arrays], None]
    raw: bool = False  # bytes of one array, added up without Flower's own format of arrays
    quiet: bool = False  # without Flower's log


def _tensors(client: "LocalClient") -> Arrays:
    """As the tutorial does: every tensor of the state, integer counters too."""
    return [tensor.cpu().numpy() for tensor in client.model.module.state_dict().values()]


def _set_tensors(client: "LocalClient", arrays: Arrays) -> None:
    names = client.model.module.state_dict().keys()
    state = OrderedDict((k, torch.tensor(v)) for k, v in zip(names, arrays, strict=True))
    client.model.module.load_state_dict(state, strict=True)


def _vector(client: "LocalClient") -> Arrays:
    return [client.model.vector.numpy()]


def _set_vector(client: "LocalClient", arrays: Arrays) -> None:
    np.copyto(client.model.vector.numpy(), arrays[0])


DOCUMENTED = Format(_tensors, _set_tensors)
FLAT = Format(_vector, _set_vector, quiet=True)
RAW = Format(_vector, _set_vector, raw=True, quiet=True)


def _contestant(name: str, settings: str, form: Format) -> Contestant:
    def run(job: Job) -> Outcome:
        from module3_mpi_gpu_overlap.peers.flower_runner import be_client
        from module3_mpi_gpu_overlap.peers.local_client import LocalClient  # starts MPI

        client, fits = LocalClient(job), Fits()
        be_client(job.everyone.comm.bcast(None, root=SERVER), client, form, fits)
        own_s = rounds_s(job.steps, job.settings.rounds, job.settings.local_steps)
        all_fits, trained_s = zip(*job.world.comm.allgather((fits, own_s)), strict=True)
        served, averaged = job.everyone.comm.bcast(None, root=SERVER)
        form.set(client, averaged)
        return Outcome(_rounds(served, all_fits, trained_s), client.model.host_vector())

    def serve(everyone: World, settings: Settings) -> None:
        from module3_mpi_gpu_overlap.peers.flower_runner import be_server

        address = everyone.comm.bcast(f"{HOST}:{free_port()}", root=SERVER)
        everyone.comm.bcast(be_server(address, settings.rounds, form), root=SERVER)

    return Contestant(name, "peer", "flwr", "flwr", settings, run, serve)


def _rounds(
    served: list[tuple[float, float]], fits: tuple[Fits, ...], trained_s: tuple[list[float], ...]
) -> list[PeerRound]:
    """Rounds as the server saw them, from choosing clients to the average.

    Exposed is what they last while no client is at work.
    """
    found = []
    for index, (begin_s, end_s) in enumerate(served):
        preparation_s = [own.preparation_s[index] for own in fits]
        train_s = [own[index] for own in trained_s]
        both_s = map(sum, zip(train_s, preparation_s, strict=True))
        entered_s = min(own.spans[index][0] for own in fits)
        left_s = max(own.spans[index][1] for own in fits)
        exposed_s = (entered_s - begin_s) + (end_s - left_s)
        found.append(
            PeerRound(end_s - begin_s, max(preparation_s), max(train_s), max(both_s), exposed_s)
        )
    return found


FLOWER_DOCUMENTED = _contestant(
    "Flower documented", "a NumPy array a tensor, FedAvg, as in its tutorial", DOCUMENTED
)
FLOWER_FLAT = _contestant("Flower flat", "one NumPy array, FedAvg, no log", FLAT)
FLOWER_RAW = _contestant("Flower raw", "one array's bytes, summed by a strategy, no log", RAW)
