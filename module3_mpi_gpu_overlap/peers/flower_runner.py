"""What of Flower's classes is ours: a client that times its calls, a strategy that times rounds."""

import logging
from time import perf_counter
from typing import Any

import flwr.client
import flwr.server
import numpy as np
from flwr.common import (
    Code,
    FitRes,
    GetParametersRes,
    Parameters,
    Status,
    parameters_to_ndarrays,
)
from flwr.server.strategy import FedAvg

from module3_mpi_gpu_overlap.peers.flower import Arrays, Fits, Format
from module3_mpi_gpu_overlap.peers.local_client import LocalClient

_DONE = Status(Code.OK, "")


def be_client(address: str, client: LocalClient, form: Format, fits: Fits) -> None:
    """Do what the server at `address` asks for until it says that it is over."""
    _quieten(form)
    trainer = _Trainer(client, form, fits)
    own: Any = _BytesClient(trainer) if form.raw else _ArraysClient(trainer).to_client()
    flwr.client.start_client(server_address=address, client=own)


def be_server(address: str, rounds: int, form: Format) -> tuple[list[tuple[float, float]], Arrays]:
    """Lead all rounds; from when to when each of them lasted, and the last average."""
    _quieten(form)
    strategy = _BytesAverage() if form.raw else _TimedAverage()
    manager = flwr.server.SimpleClientManager()
    server = flwr.server.Server(client_manager=manager, strategy=strategy)
    config = flwr.server.ServerConfig(num_rounds=rounds)
    flwr.server.start_server(server_address=address, server=server, config=config)
    averaged = _from_bytes if form.raw else parameters_to_ndarrays
    return strategy.rounds, averaged(server.parameters)


class _Trainer:
    """A client's part of a round, whatever its model travels as."""

    def __init__(self, client: LocalClient, form: Format, fits: Fits) -> None:
        self.client, self.form, self._fits = client, form, fits

    def fit(self, arrays: Arrays) -> Arrays:
        """Draw batches and train, from these numbers to those that are given back."""
        entered_s = perf_counter()
        self.form.set(self.client, arrays)
        index = len(self._fits.spans)
        before_s = perf_counter()
        self.client.prepare(index)
        self._fits.preparation_s.append(perf_counter() - before_s)
        self.client.train(index, self.client.model.vector)
        trained = self.form.get(self.client)
        self._fits.spans.append((entered_s, perf_counter()))
        return trained


class _ArraysClient(flwr.client.NumPyClient):
    """Arrays, in Flower's own format."""

    def __init__(self, trainer: _Trainer) -> None:
        self._trainer = trainer

    def get_parameters(self, config: Any) -> Arrays:
        return self._trainer.form.get(self._trainer.client)

    def fit(self, parameters: Arrays, config: Any) -> tuple[Arrays, int, dict[str, Any]]:
        return self._trainer.fit(parameters), self._trainer.client.beats, {}


class _BytesClient(flwr.client.Client):
    """One array, as it lies in memory."""

    def __init__(self, trainer: _Trainer) -> None:
        self._trainer = trainer

    def get_parameters(self, ins: Any) -> Any:
        own = self._trainer.form.get(self._trainer.client)
        return GetParametersRes(_DONE, _as_bytes(own[0]))

    def fit(self, ins: Any) -> Any:
        trained = self._trainer.fit(_from_bytes(ins.parameters))
        return FitRes(_DONE, _as_bytes(trained[0]), self._trainer.client.beats, {})


class _TimedAverage(FedAvg):
    """FedAvg without evaluation, which notes when it is called."""

    def __init__(self) -> None:
        super().__init__(fraction_evaluate=0.0, accept_failures=False)
        self.rounds: list[tuple[float, float]] = []
        self._begin_s = 0.0

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> Any:
        self._begin_s = perf_counter()
        return super().configure_fit(server_round, parameters, client_manager)

    def aggregate_fit(self, server_round: int, results: Any, failures: Any) -> Any:
        average = self.average(server_round, results, failures)
        self.rounds.append((self._begin_s, perf_counter()))
        return average

    def average(self, server_round: int, results: Any, failures: Any) -> Any:
        """Flower's own."""
        return super().aggregate_fit(server_round, results, failures)


class _BytesAverage(_TimedAverage):
    """The same sum over arrays that are read where they arrived."""

    def average(self, server_round: int, results: Any, failures: Any) -> Any:
        told = [(_from_bytes(own.parameters)[0], own.num_examples) for _, own in results]
        total = sum(count for _, count in told)
        average = sum(array * np.float32(count / total) for array, count in told)
        return _as_bytes(average), {}


def _as_bytes(array: Any) -> Any:
    return Parameters([array.tobytes()], "float32")


def _from_bytes(parameters: Any) -> Arrays:
    return [np.frombuffer(parameters.tensors[0], np.float32)]


def _quieten(form: Format) -> None:
    if form.quiet:
        logging.getLogger("flwr").setLevel(logging.ERROR)
