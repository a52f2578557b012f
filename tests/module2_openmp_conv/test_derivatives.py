"""Derivatives by finite differences, and the refusal of the kinds that there are not.

The convolution is linear in each of its arguments, and its derivatives are in turn: a difference
over a large step is exact but for rounding, even in float32.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.nn.functional import conv1d as torch_conv1d

from module2_openmp_conv import Conv1d, conv1d, supported_isas, use_isa
from module2_openmp_conv.gradients import conv1d_input_gradient, conv1d_weight_gradient

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:Input #. requires gradient and is not a double"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated"),  # torch's own call
]
STEP = {"eps": 0.5, "atol": 2e-3, "rtol": 2e-3, "nondet_tol": 0.0}
CASES = [
    {},
    {"padding": (3, 0)},
    {"padding": "causal", "dilation": 2},
    {"stride": 2, "padding": (0, 2)},
    {"groups": 2, "padding": 1, "stride": 3},
    {"groups": 4, "padding": "same"},
]


def leaves(groups: int = 1, out_channels: int = 4) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 4, 9), (out_channels, 4 // groups, 3), (out_channels,))
    return [torch.randn(s, generator=generator).requires_grad_() for s in shapes]


@pytest.mark.parametrize("isa", supported_isas())
@pytest.mark.parametrize("arguments", CASES, ids=str)
def test_gradients_equal_differences(arguments: dict, isa: str) -> None:
    with use_isa(isa):
        tensors = leaves(arguments.get("groups", 1))
        assert gradcheck(lambda *t: conv1d(*t, **arguments), tensors, **STEP)
        assert gradcheck(lambda *t: conv1d(*t, **arguments), tensors[:2], **STEP)


def test_the_gradient_of_relu_equals_differences() -> None:
    input, weight, _ = leaves()
    # Outputs are far above zero or far below, so that no step crosses it.
    far = torch.tensor([50.0, -50.0, 50.0, -50.0])
    assert gradcheck(lambda x, w: conv1d(x, w, far, relu=True), (input, weight), **STEP)
    assert not conv1d(input, weight, far, relu=True)[:, 1].any()


@pytest.mark.parametrize("arguments", CASES, ids=str)
def test_second_derivatives_equal_differences(arguments: dict) -> None:
    tensors = leaves(arguments.get("groups", 1))
    convolve = lambda *t: conv1d(*t, **arguments)  # noqa: E731
    assert gradgradcheck(convolve, tensors, **STEP)


@pytest.mark.parametrize("needs", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_second_derivatives_of_some_arguments(needs: tuple[int, ...]) -> None:
    tensors = leaves()
    for i, tensor in enumerate(tensors):
        tensor.requires_grad_(i in needs)
    out = conv1d(*tensors, padding=(0, 2))
    pull = torch.randn(out.shape).requires_grad_()
    some = [tensors[i] for i in needs]
    slopes = torch.autograd.grad(out, some, pull, create_graph=True)
    pulls = [torch.randn_like(slope) for slope in slopes]
    (found,) = torch.autograd.grad(slopes, pull, pulls)
    # The derivative of the outputs along `pulls`; they are linear in each argument.
    along = (
        lambda step: conv1d(step, tensors[1], padding=(0, 2)),
        lambda step: conv1d(tensors[0], step, padding=(0, 2)),
        lambda step: step[:, None].expand(out.shape),
    )
    expected = sum(along[i](step) for i, step in zip(needs, pulls, strict=True))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_the_gradient_functions_are_differentiable() -> None:
    input, weight, _ = leaves()
    gradient = torch.randn(2, 4, 11).requires_grad_()
    back = lambda g, w: conv1d_input_gradient(g, w, 9, padding=(1, 3))  # noqa: E731
    assert gradcheck(back, (gradient, weight), **STEP)
    over = lambda g, x: conv1d_weight_gradient(g, x, 3, padding=(1, 3))  # noqa: E731
    assert gradcheck(over, (gradient, input), **STEP)


def test_forward_mode_is_refused_not_lost() -> None:
    input, weight, bias = (tensor.detach() for tensor in leaves())
    for i in range(3):
        with forward_ad.dual_level():
            tensors = [input, weight, bias]
            tensors[i] = forward_ad.make_dual(tensors[i], torch.ones_like(tensors[i]))
            with pytest.raises(RuntimeError, match="jvp is not implemented"):
                conv1d(*tensors)


@pytest.mark.parametrize(
    "transform",
    [
        lambda f, x: torch.func.grad(f)(x),
        lambda f, x: torch.func.vjp(f, x)[1](torch.ones(())),
        lambda f, x: torch.func.jvp(f, (x,), (x,)),
        lambda f, x: torch.func.jacrev(f)(x),
    ],
    ids=["grad", "vjp", "jvp", "jacrev"],
)
def test_derivatives_of_torch_func_are_refused_in_one_sentence(transform: Callable) -> None:
    input, weight, _ = (tensor.detach() for tensor in leaves())
    with pytest.raises(
        RuntimeError, match=r"^cannot use C\+\+ torch::autograd::Function with func"
    ):
        transform(lambda x: conv1d(x, weight).sum(), input)


def test_functional_call_differentiates_the_parameters_given() -> None:
    layer, torchs = Conv1d(4, 6, 3), torch.nn.Conv1d(4, 6, 3)
    input = torch.randn(2, 4, 20)
    given = {name: torch.randn_like(p).requires_grad_() for name, p in layer.named_parameters()}
    found, expected = (
        torch.autograd.grad(
            torch.func.functional_call(one, given, (input,)).square().sum(), list(given.values())
        )
        for one in (layer, torchs)
    )
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)
    assert all(p.grad is None for p in layer.parameters())


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize(
    "mapped", [(0, None, None), (None, 0, None), (0, 0, 0), (2, 1, 0)], ids=str
)
def test_vmap_loops(mapped: tuple) -> None:
    tensors = []
    for one, at in zip(leaves(), mapped, strict=True):
        many = one.detach() if at is None else torch.randn(3, *one.shape).movedim(0, at)
        tensors.append(many.requires_grad_())
    vmapped = [torch.vmap(f, mapped)(*tensors) for f in (conv1d, torch_conv1d)]
    torch.testing.assert_close(vmapped[0], vmapped[1], atol=1e-4, rtol=1e-4)
    found, expected = (torch.autograd.grad(y.square().sum(), tensors) for y in vmapped)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_vmap_over_out_is_refused() -> None:
    input, weight, _ = (tensor.detach() for tensor in leaves())
    with pytest.raises(RuntimeError, match="Batching rule not implemented"):
        torch.vmap(lambda x, y: conv1d(x, weight, out=y))(input[:, None], torch.empty(2, 1, 4, 7))
