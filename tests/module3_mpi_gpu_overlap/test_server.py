"""The server's step on the average: FedAvg, momentum, Adam."""

import numpy as np
import pytest
import torch

from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.server import ADAPTIVITY, BETA_2, Server

PARAMETERS = 5


def vectors(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(8, generator=random), torch.randn(8, generator=random)


def test_fedavg_takes_the_average() -> None:
    model, average = vectors(0)
    Server(Settings(), PARAMETERS, model).step(model, average)
    assert torch.equal(model, average)


def test_momentum_0_at_rate_1_is_fedavg_to_the_bit() -> None:
    model, average = vectors(1)
    settings = Settings(server="fedavgm", server_momentum=0.0)
    server = Server(settings, PARAMETERS, model)
    for _ in range(3):
        server.step(model, average)
        assert torch.equal(model, average)
        average = average * 1.1 + 0.3


def test_fedavgm_follows_its_equation() -> None:
    model, average = vectors(2)
    server = Server(
        Settings(server="fedavgm", server_momentum=0.7, server_learning_rate=0.5), PARAMETERS, model
    )
    w, velocity = model.double().numpy().copy(), np.zeros(8)
    for _ in range(4):
        velocity = 0.7 * velocity + (average.double().numpy() - w)
        w = w + 0.5 * velocity
        server.step(model, average)
        w[PARAMETERS:] = average.numpy()[PARAMETERS:]
        np.testing.assert_allclose(model.numpy(), w, rtol=1e-5, atol=1e-6)


def test_fedadam_follows_algorithm_2_of_reddi_et_al() -> None:
    model, average = vectors(3)
    settings = Settings(server="fedadam", server_momentum=0.9, server_learning_rate=0.01)
    server = Server(settings, PARAMETERS, model)
    w, m, v = model.double().numpy().copy(), np.zeros(8), np.zeros(8)
    for _ in range(4):
        difference = average.double().numpy() - w
        m = 0.9 * m + 0.1 * difference
        v = BETA_2 * v + (1 - BETA_2) * difference**2
        w = w + 0.01 * m / (np.sqrt(v) + ADAPTIVITY)
        server.step(model, average)
        w[PARAMETERS:] = average.numpy()[PARAMETERS:]
        np.testing.assert_allclose(model.numpy(), w, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["fedavgm", "fedadam"])
def test_running_statistics_are_averaged_and_no_more(kind: str) -> None:
    model, average = vectors(4)
    server = Server(Settings(server=kind), PARAMETERS, model)  # type: ignore[arg-type]
    for _ in range(3):
        server.step(model, average)
    assert torch.equal(model[PARAMETERS:], average[PARAMETERS:])
    assert not torch.equal(model[:PARAMETERS], average[:PARAMETERS])


@pytest.mark.parametrize("kind", ["fedavg", "fedavgm", "fedadam"])
def test_a_kept_server_goes_on_to_the_bit(kind: str) -> None:
    model, average = vectors(5)
    settings = Settings(server=kind)  # type: ignore[arg-type]
    server = Server(settings, PARAMETERS, model)
    server.step(model, average)
    resumed_model, resumed = model.clone(), Server(settings, PARAMETERS, model)
    resumed.load(server.state())
    server.step(model, average * 2)
    resumed.step(resumed_model, average * 2)
    assert torch.equal(model, resumed_model)
