"""Gradients through `conv1d` against torch's in float64."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d as torch_conv1d

from module2_openmp_conv import conv1d

pytestmark = pytest.mark.kernels

CASES = [
    {"padding": 2},
    {"padding": "same"},
    {"padding": "valid", "dilation": 2},
    {"padding": 1, "stride": 2},
    {"padding": 3, "groups": 2},
]


def leaves(dtype: torch.dtype, groups: int, kernel: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 4, 60), (6, 4 // groups, kernel), (6,))
    tensors = [torch.randn(s, generator=generator) for s in shapes]
    return [t.to(dtype).requires_grad_() for t in tensors]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("arguments", CASES, ids=str)
def test_gradients_equal_torchs_in_float64(arguments: dict, kernel: int, relu: bool) -> None:
    groups = arguments.get("groups", 1)
    exact, ours = leaves(torch.float64, groups, kernel), leaves(torch.float32, groups, kernel)
    expected = torch_conv1d(*exact, **arguments)
    expected = expected.relu() if relu else expected
    out = conv1d(*ours, relu=relu, **arguments)
    pull = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    expected.backward(pull.double())
    out.backward(pull)
    for one, other in zip(ours, exact, strict=True):
        assert one.grad is not None
        assert other.grad is not None
        scale = float(other.grad.abs().max())
        torch.testing.assert_close(one.grad.double(), other.grad, atol=3e-6 * scale, rtol=0)


def test_only_what_needs_a_gradient_gets_one() -> None:
    input, weight, bias = leaves(torch.float32, 1, 5)
    input.requires_grad_(False)
    conv1d(input, weight, bias, padding=2).sum().backward()
    assert input.grad is None
    assert weight.grad is not None


def test_no_graph_without_grad() -> None:
    with torch.no_grad():
        assert conv1d(*leaves(torch.float32, 1, 5)).grad_fn is None


def test_second_derivative_equals_torchs() -> None:
    def penalty(convolve: object, dtype: torch.dtype) -> Tensor:
        input, weight, bias = leaves(dtype, 1, 5)
        out = convolve(input, weight, bias, padding=2)  # type: ignore[operator]
        (slope,) = torch.autograd.grad(out.square().sum(), input, create_graph=True)
        slope.square().sum().backward()
        assert weight.grad is not None
        return weight.grad.double()

    expected = penalty(torch_conv1d, torch.float64)
    scale = float(expected.abs().max())
    torch.testing.assert_close(penalty(conv1d, torch.float32), expected, atol=1e-5 * scale, rtol=0)


def test_writing_to_what_backward_needs_is_noticed() -> None:
    input, weight, _ = leaves(torch.float32, 1, 5)
    inner = input * 1
    out = conv1d(inner, weight)
    with torch.no_grad():
        conv1d(torch.ones(3, 1, 60), torch.ones(4, 1, 1), out=inner.detach())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()
