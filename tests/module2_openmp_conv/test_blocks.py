"""Fused blocks: what the layers one by one give, values, gradients and statistics."""

import copy
from collections import OrderedDict

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, library, nn

from crossscale_data.classifier import build_model
from crossscale_data.rr_context import CONTEXT_FEATURES
from module2_openmp_conv import Conv1d, FusedSequential, fuse_blocks, supported_isas, use_isa

pytestmark = pytest.mark.kernels
ISAS = supported_isas()
LENGTHS = st.sampled_from([2, 3, 7, 8, 9, 15, 16, 17, 27, 31, 32, 33, 54, 108, 129, 500])


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def block(
    pooling: nn.Module | None, seed: int = 0, channels: int = 5, bias: bool = True
) -> nn.Sequential:
    torch.manual_seed(seed)
    norm = nn.BatchNorm1d(channels)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    nn.init.normal_(norm.running_mean)  # type: ignore[arg-type]
    layers = [nn.Conv1d(3, channels, 5, padding=2, bias=bias), norm, nn.ReLU()]
    return nn.Sequential(*layers, *([] if pooling is None else [pooling]))


def run(model: nn.Module, input: Tensor) -> list[Tensor]:
    """Output, then gradients of input and parameters, then buffers."""
    input = input.clone().requires_grad_()
    out = model(input)
    out.backward(randn(*out.shape, seed=9).to(out.dtype))
    # The bias before a batch normalisation has a gradient of rounding alone.
    gradients = [p.grad for name, p in model.named_parameters() if name != "0.bias"]
    return [out.detach(), input.grad, *gradients, *model.buffers()]  # type: ignore[list-item]


def assert_close(found: list[Tensor], exact: list[Tensor], tolerance: float) -> None:
    for one, other in zip(found, exact, strict=True):
        scale = float(other.double().abs().max().clamp(min=0.1))
        torch.testing.assert_close(one.double(), other.double(), atol=tolerance * scale, rtol=0)


def has_kinks(block: nn.Sequential, input: Tensor) -> bool:
    """Whether rounding decides what a ReLU lets through, or which of two values is the larger."""
    with torch.no_grad():
        normalised = copy.deepcopy(block).double()[:2](input.double())
    pairs = normalised[..., : normalised.shape[-1] // 2 * 2].relu().unflatten(-1, (-1, 2))
    between = pairs.diff(dim=-1)[pairs.amax(dim=-1, keepdim=True) > 0]
    return bool(torch.cat([normalised.flatten(), between]).abs().min() < 1e-6)


@pytest.mark.parametrize("isa", ISAS)
@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 5),
    length=LENGTHS,
    pooling=st.sampled_from(["none", "max", "mean"]),
    training=st.booleans(),
    bias=st.booleans(),
    seed=st.integers(0, 100),
)
def test_a_block_equals_its_layers_in_float64(
    isa: str, batch: int, length: int, pooling: str, training: bool, bias: bool, seed: int
) -> None:
    windows = [size for size in range(1, length + 1) if length % size == 0]
    size = windows[seed % len(windows)]
    pool = {"none": None, "max": nn.MaxPool1d(2), "mean": nn.AdaptiveAvgPool1d(size)}[pooling]
    model = block(pool, seed, bias=bias).train(training)
    input = randn(batch, 3, length, seed=seed)
    assume(not has_kinks(model, input))
    exact = run(copy.deepcopy(model).double(), input.double())
    with use_isa(isa):
        found = run(fuse_blocks(copy.deepcopy(model)), input)
    # Few values have a deviation near zero, and rounding is divided by it.
    assert_close(found, exact, 3e-5 if batch * length > 8 else 3e-3)


# Windows of a part of a vector, of one and of several vectors, and longer than the row.
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("pool", [1, 2, 3, 5, 17, 33, 50, 61, 200])
def test_means_of_windows_that_do_not_divide_the_row(isa: str, pool: int) -> None:
    y, weight, bias = randn(3, 4, 61).requires_grad_(), randn(4, seed=1), randn(4, seed=2)
    exact = y.detach().double().requires_grad_()
    normalised = nn.functional.batch_norm(
        exact, None, None, weight.double(), bias.double(), training=True
    ).relu()
    windows = normalised[..., : 61 // pool * pool].unflatten(-1, (61 // pool, pool))
    expected = windows.mean(dim=-1)
    pull = randn(*expected.shape, seed=3)
    with use_isa(isa):
        out, _, _ = torch.ops.crossscale.normalised(y, weight, bias, None, None, 1e-5, pool, True)
        out.backward(pull)
    expected.backward(pull.double())
    assert y.grad is not None
    assert exact.grad is not None
    torch.testing.assert_close(out, expected.float(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(y.grad, exact.grad.float(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("isa", ISAS)
def test_values_far_from_zero_keep_their_variance(isa: str) -> None:
    y = 1000 + randn(8, 2, 300)
    with use_isa(isa):
        _, mean, variance = torch.ops.crossscale.normalised(
            y, torch.ones(2), torch.zeros(2), None, None, 1e-5, 1, False
        )
    exact = y.double().var(dim=(0, 2), correction=0)
    torch.testing.assert_close(variance.double(), exact, rtol=1e-4, atol=0)
    torch.testing.assert_close(mean.double(), y.double().mean(dim=(0, 2)), rtol=1e-6, atol=0)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("at", [0, 1, 30, 62])
@pytest.mark.parametrize(
    "pooling", [None, nn.MaxPool1d(2), nn.AdaptiveAvgPool1d(9), nn.AdaptiveAvgPool1d(1)]
)
def test_what_is_not_a_number_stays_so(isa: str, at: int, pooling: nn.Module | None) -> None:
    model = block(pooling).eval()
    input = randn(2, 3, 63)
    input[0, 0, at] = torch.nan
    with use_isa(isa), torch.no_grad():
        out = fuse_blocks(copy.deepcopy(model))(input)
        expected = model(input)
    assert torch.equal(out.isnan(), expected.isnan())
    assert expected.isnan().any()


def test_equal_neighbours_give_the_gradient_to_the_first() -> None:
    model = block(nn.MaxPool1d(2)).eval()
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.fill_(1.0)  # type: ignore[union-attr]
        model[1].bias.fill_(5.0)  # type: ignore[union-attr]
    assert_close(
        run(fuse_blocks(copy.deepcopy(model)), randn(2, 3, 40)), run(model, randn(2, 3, 40)), 1e-6
    )


def test_state_dict_and_parameters_stay() -> None:
    model = build_model("beatnet", 4, CONTEXT_FEATURES)
    keys, parameters = list(model.state_dict()), [id(p) for p in model.parameters()]
    fused = fuse_blocks(model)
    assert fused is model
    assert list(fused.state_dict()) == keys
    assert [id(p) for p in fused.parameters()] == parameters
    assert isinstance(fused.waveform_branch, FusedSequential)
    assert sum(isinstance(layer, Conv1d) for layer in fused.modules()) == 3


def test_layers_keep_their_names() -> None:
    relu = nn.ReLU()
    named = {"conv": nn.Conv1d(3, 3, 5, padding=2), "norm": nn.BatchNorm1d(3), "act": relu}
    named |= {"again": nn.Conv1d(3, 4, 5), "act_again": relu}
    model = nn.Sequential(OrderedDict(named)).eval()
    keys, input = list(model.state_dict()), randn(2, 3, 40)
    expected = model(input)
    fused = fuse_blocks(nn.ModuleDict({"block": model}))["block"]
    assert isinstance(fused, FusedSequential)
    assert list(fused.state_dict()) == keys
    assert [name for name, _ in fused.named_children()] == [*named][:4]  # torch tells each once
    assert fused.act is fused.act_again
    assert not fused.training
    torch.testing.assert_close(fused(input), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["beatnet", "tinyecg"])
@pytest.mark.parametrize("training", [False, True])
def test_the_suites_classifiers_give_the_same(name: str, training: bool) -> None:
    torch.manual_seed(0)
    model = build_model(name, 4, CONTEXT_FEATURES).train(training)
    fused = fuse_blocks(copy.deepcopy(model))
    waveform, context = randn(6, 4, 108), randn(6, CONTEXT_FEATURES, seed=1)
    outs = []
    for one in (model, fused):
        torch.manual_seed(1)  # of dropout
        outs.append(one(waveform, context))
        outs[-1].sum().backward()
    torch.testing.assert_close(outs[0], outs[1], atol=1e-5, rtol=1e-4)
    for one, other in zip(model.parameters(), fused.parameters(), strict=True):
        if one.grad is None:
            assert other.grad is None
            continue
        scale = float(one.grad.abs().max()) + 1.0
        torch.testing.assert_close(other.grad, one.grad, atol=1e-5 * scale, rtol=0)
    for one, other in zip(model.buffers(), fused.buffers(), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5, affine=False), nn.ReLU()],
        [nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5, track_running_stats=False), nn.ReLU()],
        [nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5, momentum=None), nn.ReLU()],
        [nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5), nn.Tanh()],
        [nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5)],
        [nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.MaxPool1d(3)],
        [nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.MaxPool1d(2, stride=1)],
        [nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.AdaptiveAvgPool1d(7)],
        [nn.Conv1d(3, 5, 5, bias=False), nn.BatchNorm1d(5), nn.Tanh()],
        [nn.Conv1d(3, 5, 5, bias=False), nn.Dropout(0.0), nn.ReLU()],
        [nn.Conv1d(3, 5, 5, padding_mode="circular", padding=2), nn.ReLU()],
        [nn.ReLU(), nn.Conv1d(3, 5, 5), nn.Dropout(0.0), nn.ReLU()],
        [],
    ],
    ids=lambda layers: "-".join(type(layer).__name__ for layer in layers),
)
def test_what_is_no_block_runs_layer_by_layer(layers: list[nn.Module]) -> None:
    model = nn.Sequential(*layers)
    fused = fuse_blocks(copy.deepcopy(model))
    input = randn(4, 3, 40)
    torch.testing.assert_close(fused(input), model(input), atol=1e-5, rtol=1e-5)
    for one, other in zip(model.buffers(), fused.buffers(), strict=True):
        torch.testing.assert_close(one, other)


def test_one_value_per_channel_ends_in_torchs_own_error() -> None:
    fused = fuse_blocks(nn.Sequential(nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5), nn.ReLU()))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        fused(randn(1, 3, 5))


def test_an_unbatched_input_ends_as_in_torch() -> None:
    model = nn.Sequential(nn.Conv1d(3, 5, 5), nn.BatchNorm1d(5), nn.ReLU())
    with pytest.raises(Exception, match=r".") as torchs:
        model(randn(3, 40))
    with pytest.raises(type(torchs.value)):
        fuse_blocks(model)(randn(3, 40))


def test_a_second_derivative_is_refused() -> None:
    fused = fuse_blocks(block(nn.MaxPool1d(2)))
    input = randn(4, 3, 40).requires_grad_()
    out = fused(input).square().sum()
    with pytest.raises(RuntimeError, match="cannot be differentiated again"):
        torch.autograd.grad(out, input, create_graph=True)


def test_a_shared_container_stays_one() -> None:
    shared = nn.Sequential(nn.Conv1d(3, 3, 3, padding=1), nn.ReLU())
    model = nn.ModuleDict({"a": shared, "b": shared})
    fuse_blocks(model)
    assert model["a"] is model["b"]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm", [True, False])
def test_a_block_runs_fused_with_bias_and_without(bias: bool, training: bool, norm: bool) -> None:
    model = block(nn.MaxPool1d(2), bias=bias).train(training)
    if not norm:
        del model[1]
    torchs, input = copy.deepcopy(model), randn(4, 3, 40)
    expected, buffers = run(torchs, input), list(torchs.buffers())
    called: list[nn.Module] = []
    for layer in model[1:]:
        layer.register_forward_hook(lambda layer, *_: called.append(layer))
    found = run(fuse_blocks(model), input)
    assert_close(found, expected, 3e-5)
    for one, other in zip([found[0], *model.buffers()], [expected[0], *buffers], strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    assert called == ([] if norm else [model[-1]])  # ReLU alone is fused, and pooling is not


def test_containers_within_containers_run_fused() -> None:
    inner = block(nn.MaxPool1d(2), channels=3).eval()
    model = nn.Sequential(nn.Sequential(inner, inner), inner).eval()
    keys, input = list(model.state_dict()), randn(4, 3, 40)
    expected = run(copy.deepcopy(model), input)
    called: list[nn.Module] = []
    inner[1].register_forward_hook(lambda norm, *_: called.append(norm))
    fused = fuse_blocks(model)
    sequentials = [layer for layer in fused.modules() if isinstance(layer, nn.Sequential)]
    assert [type(layer) for layer in sequentials] == [FusedSequential] * 3
    assert fused[0][0] is fused[0][1] is fused[1]
    assert isinstance(fused[1][0], Conv1d)
    assert list(fused.state_dict()) == keys
    assert_close(run(fused, input), expected, 1e-4)
    assert not called  # which a layer that runs by itself would have been


@pytest.mark.parametrize("pool", [(1, False), (2, False), (3, True)])
@pytest.mark.parametrize("training", [True, False])
def test_the_operator_is_as_torch_wants_it(pool: tuple[int, bool], training: bool) -> None:
    running = (None, None) if training else (randn(5, seed=3), randn(5, seed=4).abs())
    tensors = [randn(4, 5, 12), randn(5, seed=1), randn(5, seed=2)]
    arguments = (*[t.requires_grad_() for t in tensors], *running, 1e-5, *pool)
    library.opcheck(torch.ops.crossscale.normalised.default, arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": randn(4, 5)}, "must be"),
        ({"y": torch.empty(0, 5, 12)}, "not empty"),
        ({"weight": randn(4)}, "weight has the shape"),
        ({"pool": 0}, "pool is 0"),
        ({"pool": 3}, "pool is 3"),
        ({"y": randn(4, 5, 12).double()}, "only dense float32"),
    ],
)
def test_bad_arguments_are_named(change: dict, message: str) -> None:
    given = {"y": randn(4, 5, 12), "weight": randn(5), "bias": randn(5), "pool": 2} | change
    with pytest.raises((RuntimeError, TypeError, ValueError), match=message):
        torch.ops.crossscale.normalised(
            given["y"], given["weight"], given["bias"], None, None, 1e-5, given["pool"], False
        )
