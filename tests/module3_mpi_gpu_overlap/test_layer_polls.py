"""Polls after every layer of a step."""

import pytest
import torch
from torch import nn

from module3_mpi_gpu_overlap.layer_polls import STEP_BYTES, needs_layer_polls, polled_layers


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))


def step(module: nn.Module) -> list[torch.Tensor]:
    module(torch.ones(5, 3)).square().sum().backward()
    return [parameter.grad.clone() for parameter in module.parameters()]  # type: ignore[union-attr]


def test_a_step_polls_after_each_layer_and_each_gradient() -> None:
    polls = []
    module = model()
    with polled_layers(module, lambda: polls.append(1)):
        module(torch.ones(5, 3))
        assert len(polls) == 3
        step(module)
    assert len(polls) == 3 + 3 + 4


def test_gradients_are_the_same_to_the_bit_and_no_hook_is_left() -> None:
    polls = []
    module, plain = model(), model()
    with polled_layers(module, lambda: polls.append(1)):
        polled = step(module)
    for gradient, expected in zip(polled, step(plain), strict=True):
        assert torch.equal(gradient, expected)
    before = len(polls)
    step(module)
    assert len(polls) == before


def test_hooks_are_removed_after_an_error() -> None:
    polls = []
    module = model()
    with pytest.raises(ValueError, match="stop"), polled_layers(module, lambda: polls.append(1)):
        raise ValueError("stop")
    step(module)
    assert not polls


@pytest.mark.parametrize(
    ("payload_bytes", "local_steps", "device", "expected"),
    [
        (160_000, 1, "cpu", False),  # the classifier: nothing is left over for a second poll
        (40_000_000, 20, "cpu", True),
        (40_000_000, 20, "cuda", False),
        (10 * STEP_BYTES, 10, "cpu", False),
    ],
)
def test_only_large_averages_on_the_cpu_need_it(
    payload_bytes: int, local_steps: int, device: str, expected: bool
) -> None:
    assert needs_layer_polls(payload_bytes, local_steps, device) == expected
