"""One rank's clients: which of them train in a round, on what, and with which optimiser.

Where clients are ranks (cross-silo) each takes part in every round and keeps its optimiser, its
place in its beats and its random numbers. Otherwise (cross-device) a client of a round begins anew
from the global model: a fresh optimiser, an order of beats and random numbers that only seed,
client and round decide, so that it does not matter which rank trains it, nor what that rank trained
before.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from module3_mpi_gpu_overlap.client_data import Clients
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.local_training import (
    Batch,
    BatchStream,
    LocalOptimizer,
    ProximalTerm,
    train_locally,
)
from module3_mpi_gpu_overlap.sampling import sampled_clients

WARM_UP_STEPS = 2


@dataclass(frozen=True)
class Trained:
    """A client that has just trained: its model is the rank's until the next one begins."""

    client: int
    loss: float


class ClientTraining:
    """Trains a rank's clients one after the other, on batches prepared a round ahead."""

    def __init__(
        self,
        settings: Settings,
        model: FlatModel,
        clients: Clients,
        class_weight: Tensor,
        seed: int,
    ) -> None:
        """The rank's clients, none of which has trained."""
        self._settings, self._model, self._clients = settings, model, clients
        self._class_weight, self._seed = class_weight, seed
        self._device = model.vector.device
        self._lasting = settings.clients == "ranks"
        self._streams = {k: self._stream(k) for k in clients.own if self._lasting}
        self._optimizers = {k: self._optimizer() for k in clients.own if self._lasting}
        # Kept: a round asks for its own, the next one's and the last one's clients, time and again.
        self._sampled = lru_cache(maxsize=4)(
            partial(sampled_clients, clients.beats, settings.clients_per_round, seed)
        )
        self._batches: dict[int, list[Batch]] = {}
        self._before_prepared: dict[int, Any] = {}

    def sampled(self, round_index: int) -> tuple[int, ...]:
        """The clients of a round, on all ranks."""
        return self._sampled(round_index)

    def prepare(self, round_index: int, between: Callable[[], None] = lambda: None) -> None:
        """Draw and gather the batches of this rank's clients of a round."""
        self._before_prepared = {k: stream.state() for k, stream in self._streams.items()}
        self._batches = {}
        for client in self.sampled(round_index):
            if client in self._clients.own:
                stream = self._streams.get(client) or self._stream(client, round_index)
                self._batches[client] = stream.prepare(self._settings.local_steps, between)

    def train(
        self, round_index: int, start: Tensor, between: Callable[[], None]
    ) -> Iterator[Trained]:
        """Train each prepared client from `start`, float32 [n]; yields once each has."""
        counters = self._model.counters()
        for client, batches in self._batches.items():
            self._model.vector.copy_(start)
            self._model.set_counters(counters)
            if not self._lasting:
                torch.manual_seed(random_seed(self._seed, client, round_index))
            mu = self._settings.proximal_mu
            loss = train_locally(
                self._model.module,
                self._optimizers.get(client) or self._optimizer(),
                batches,
                self._class_weight,
                self._settings.precision,
                ProximalTerm(self._model.module, mu) if mu else None,
                between,
            )
            yield Trained(client, loss)

    def forget_optimizer(self, client: int) -> None:
        """Give a screened client a fresh optimiser: moments of a bad update would outlive it."""
        if client in self._optimizers:
            self._optimizers[client] = self._optimizer()

    def warm_up(self) -> None:
        """First use sets up torch's operators: let a throw-away copy of the model pay for it."""
        client, inputs = next(iter(self._clients.own.items()))
        size = self._settings.batch_size
        stream = BatchStream(inputs, size, self._device, [self._seed, client])
        module = copy.deepcopy(self._model.module)
        train_locally(
            module,
            LocalOptimizer(module, self._settings, self._device),
            stream.prepare(WARM_UP_STEPS),
            self._class_weight,
            self._settings.precision,
        )

    def state(self) -> dict[str, Any]:
        """What lasts from round to round, from before the next round's batches were prepared."""
        return {
            "streams": self._before_prepared,
            "optimizers": {k: own.state() for k, own in self._optimizers.items()},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`; batches have to be prepared again."""
        for client, own in state["streams"].items():
            self._streams[client].load(own)
        for client, own in state["optimizers"].items():
            self._optimizers[client].load(own)

    def _stream(self, *what: int) -> BatchStream:
        inputs = self._clients.own[what[0]]
        return BatchStream(inputs, self._settings.batch_size, self._device, [self._seed, *what])

    def _optimizer(self) -> LocalOptimizer:
        return LocalOptimizer(self._model.module, self._settings, self._device)


def random_seed(*what: int) -> int:
    """Seed of the random numbers (dropout) of a seed and a rank, or a seed, client and round."""
    return int(np.random.SeedSequence(what).generate_state(1)[0])
