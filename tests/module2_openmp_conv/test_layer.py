"""`Conv1d` and `replace_conv1d` stand in for torch's layer."""

import copy
import io
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from module2_openmp_conv import Conv1d, fuse_blocks, replace_conv1d

pytestmark = pytest.mark.kernels


def test_state_dict_round_trip_in_both_directions() -> None:
    torch.manual_seed(0)
    torchs, ours = nn.Conv1d(3, 8, 5, padding=2), Conv1d(3, 8, 5, padding=2)
    assert list(torchs.state_dict()) == list(ours.state_dict())
    file = io.BytesIO()
    torch.save(torchs.state_dict(), file)
    file.seek(0)
    ours.load_state_dict(torch.load(file))
    input = torch.randn(2, 3, 100)
    torch.testing.assert_close(ours(input), torchs(input))
    nn.Conv1d(3, 8, 5, padding=2).load_state_dict(ours.state_dict())


def test_same_seed_gives_torchs_initial_weights() -> None:
    torch.manual_seed(0)
    torchs = nn.Conv1d(3, 8, 5)
    torch.manual_seed(0)
    assert torch.equal(Conv1d(3, 8, 5).weight, torchs.weight)


@pytest.mark.parametrize(
    "arguments",
    [
        {"padding": "same"},
        {"stride": 2, "padding": 1},
        {"dilation": 3},
        {"groups": 2},
        {"bias": False},
    ],
    ids=str,
)
def test_layer_equals_torchs(arguments: dict) -> None:
    torchs = nn.Conv1d(4, 6, 5, **arguments)
    input = torch.randn(2, 4, 100)
    torch.testing.assert_close(replace_conv1d(torchs)(input), torchs(input))


def test_other_padding_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="padding_mode='reflect'"):
        Conv1d(1, 1, 3, padding_mode="reflect")


def test_replace_shares_parameters_and_keeps_the_rest() -> None:
    shared = nn.Conv1d(4, 4, 3, padding=1)
    circular = nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular")
    model = nn.Sequential(shared, nn.Sequential(nn.ReLU(), shared, circular), nn.Conv2d(1, 1, 1))
    model[:2].eval()
    parameters = {name: id(parameter) for name, parameter in model.named_parameters()}
    expected = copy.deepcopy(model[:2])
    assert replace_conv1d(model) is model
    assert type(model[0]) is Conv1d
    assert model[1][1] is model[0]
    assert model[1][2] is circular
    assert not model[0].training
    assert {name: id(parameter) for name, parameter in model.named_parameters()} == parameters
    input = torch.randn(2, 4, 50)
    torch.testing.assert_close(model[:2](input), expected(input))


@pytest.mark.parametrize("swap", [replace_conv1d, fuse_blocks])
@pytest.mark.parametrize(
    "remade",
    [
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        lambda layer: prune.random_unstructured(layer, "weight", 0.5),
        lambda layer: prune.random_unstructured(layer, "bias", 0.5),
        nn.utils.parametrizations.weight_norm,
    ],
)
@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_layers_whose_weights_are_made_anew_stay(
    remade: Callable[[nn.Conv1d], nn.Module], swap: Callable[[nn.Module], nn.Module]
) -> None:
    torch.manual_seed(0)
    layer = remade(nn.Conv1d(4, 6, 5))
    model = nn.Sequential(nn.Conv1d(4, 4, 3), layer, nn.ReLU(), nn.Conv1d(6, 2, 3)).eval()
    keys, input = list(model.state_dict()), torch.randn(2, 4, 50)
    expected = model(input)
    found = swap(model)
    assert found[1] is layer
    assert type(found[0]) is type(found[3]) is Conv1d
    assert list(found.state_dict()) == keys
    torch.testing.assert_close(found(input), expected)


def test_replaced_model_trains_like_torchs() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(1, 8, 7, padding=3),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )
    ours = replace_conv1d(copy.deepcopy(model))
    input, label = torch.randn(16, 1, 120), torch.arange(16) % 2
    losses = []
    for one in (model, ours):
        optimizer = torch.optim.SGD(one.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(one(input), label)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    torchs, replaced = losses[:5], losses[5:]
    assert replaced == pytest.approx(torchs, rel=1e-4)
    assert replaced[-1] < replaced[0]
