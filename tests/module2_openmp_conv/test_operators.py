"""The operators as torch's dispatcher, its fake tensors and careless callers see them."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, library
from torch._subclasses.fake_tensor import FakeTensorMode

import module2_openmp_conv  # noqa: F401  registers the operators

pytestmark = pytest.mark.kernels

OPERATORS = torch.ops.crossscale
ALL = [True, True, True]
# Stride, padding on the left and on the right, dilation, groups; for four input channels.
ARGUMENTS = [(1, 0, 0, 1, 1), (1, 2, 0, 1, 1), (2, 0, 3, 2, 2), (3, 1, 1, 1, 4)]


def tensors(groups: int = 1, grad: bool = False, kernel: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Input, weight and bias."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 4, 20), (8, 4 // groups, kernel), (8,))
    input, weight, bias = (torch.randn(shape, generator=generator) for shape in shapes)
    return input.requires_grad_(grad), weight.requires_grad_(grad), bias.requires_grad_(grad)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_conv1d_is_a_well_behaved_operator(arguments: tuple, grad: bool, relu: bool) -> None:
    input, weight, bias = tensors(arguments[-1], grad)
    library.opcheck(OPERATORS.conv1d.default, (input, weight, bias, *arguments, relu))
    library.opcheck(OPERATORS.conv1d.default, (input, weight, None, *arguments, relu))


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_conv1d_out_is_a_well_behaved_operator(arguments: tuple) -> None:
    given = (*tensors(arguments[-1]), *arguments, True)
    out = torch.empty_like(OPERATORS.conv1d(*given))
    library.opcheck(OPERATORS.conv1d.out, given, {"out": out})


WANTED = (ALL, [True, False, False], [False, False, True], [False, False, False])


@pytest.mark.parametrize(
    ("wanted", "grad"), [(w, grad) for w in WANTED for grad in (False, True) if any(w) or not grad]
)
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_conv1d_backward_is_a_well_behaved_operator(
    arguments: tuple, wanted: list[bool], grad: bool
) -> None:
    input, weight, _ = tensors(arguments[-1], grad)
    gradient = torch.randn_like(OPERATORS.conv1d(input, weight, None, *arguments, False))
    gradient = gradient.detach().requires_grad_(grad)
    library.opcheck(
        OPERATORS.conv1d_backward.default, (gradient, input, weight, *arguments, wanted)
    )


@st.composite
def calls(draw: st.DrawFn) -> tuple[tuple, tuple, tuple]:
    """Shapes of input and weight, and arguments; possible or not."""
    groups = draw(st.integers(1, 3))
    of_group = draw(st.integers(1, 4))
    wrong = draw(st.sampled_from([0, 0, 0, 1]))
    input = (draw(st.integers(0, 3)), groups * of_group + wrong, draw(st.integers(1, 40)))
    weight = (groups * draw(st.integers(1, 4)), of_group, draw(st.integers(1, 20)))
    padding = draw(st.tuples(st.integers(-1, 10), st.integers(0, 10)))
    stride, dilation = draw(st.integers(0, 4)), draw(st.integers(1, 4))
    return input, weight, (stride, *padding, dilation, groups)


def outcome(call: tuple, device: str) -> Any:
    """The shape of the output and of its three gradients there, or the kind of error."""
    input, weight, arguments = call
    x, w = torch.zeros(input, device=device), torch.zeros(weight, device=device)
    bias = torch.zeros(len(w), device=device)
    try:
        y = OPERATORS.conv1d(x, w, bias, *arguments, True)
        gradients = OPERATORS.conv1d_backward(y, x, w, *arguments, ALL)
    except (ValueError, RuntimeError, TypeError) as error:
        return type(error)
    return [(tensor.shape, tensor.dtype, tensor.stride()) for tensor in (y, *gradients)]


@settings(deadline=None)
@given(call=calls())
def test_fake_and_meta_tensors_have_the_real_shapes_or_errors(call: tuple) -> None:
    real = outcome(call, "cpu")
    assert outcome(call, "meta") == real
    with FakeTensorMode():
        assert outcome(call, "cpu") == real


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_other_dtypes_are_refused_of_real_and_of_fake_tensors(device: str) -> None:
    input, weight, bias = (tensor.to(device) for tensor in tensors())
    for wrong in (
        (input.double(), weight, bias),
        (input, weight.half(), bias),
        (input, weight, bias.long()),
    ):
        with pytest.raises(TypeError, match=r"only (dense )?float32"):
            OPERATORS.conv1d(*wrong, 1, 0, 0, 1, 1, False)
    gradient = torch.zeros(2, 8, 18, dtype=torch.float64, device=device)
    with pytest.raises(TypeError, match=r"only (dense )?float32"):
        OPERATORS.conv1d_backward(gradient, input, weight, 1, 0, 0, 1, 1, ALL)


def test_a_tensor_of_another_device_is_refused() -> None:
    input, weight, bias = tensors()
    gradient = torch.zeros(2, 8, 18, device="meta")
    with pytest.raises(TypeError, match="on cpu and on meta"):
        OPERATORS.conv1d(input, weight, bias.to("meta"), 1, 0, 0, 1, 1, False)
    with pytest.raises(TypeError, match="on cpu and on meta"):
        OPERATORS.conv1d_backward(gradient, input, weight, 1, 0, 0, 1, 1, ALL)


HUGE = 2**40
IMPOSSIBLE = [
    (0, 0, 0, 1, 1),
    (-1, 0, 0, 1, 1),
    (2**62, 0, 0, 1, 1),
    (1, -1, 0, 1, 1),
    (1, 0, -(2**63), 1, 1),
    (1, HUGE, 0, 1, 1),
    (1, 0, 2**63 - 1, 1, 1),
    (1, 0, 0, 0, 1),
    (1, 0, 0, -1, 1),
    (1, 0, 0, HUGE, 1),
    (1, 0, 0, 10, 1),  # the kernel reaches past the input
    (1, 0, 0, 1, 0),
    (1, 0, 0, 1, -1),
    (1, 0, 0, 1, 2),
    (1, 0, 0, 1, HUGE),
]


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("arguments", IMPOSSIBLE, ids=str)
def test_impossible_arguments_end_in_an_error(arguments: tuple, grad: bool) -> None:
    input, weight, bias = tensors(grad=grad)
    with pytest.raises(ValueError, match="conv1d: "):
        OPERATORS.conv1d(input, weight, bias, *arguments, False)
    with pytest.raises(ValueError, match="conv1d: "):
        OPERATORS.conv1d_backward(torch.zeros(2, 8, 18), input, weight, *arguments, ALL)


def test_a_number_beyond_64_bits_ends_in_an_error() -> None:
    with pytest.raises(RuntimeError):
        OPERATORS.conv1d(*tensors(), 2**70, 0, 0, 1, 1, False)


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("shape", [(2, 8, 17), (2, 8, 19), (2, 7, 18), (1, 8, 18), (8, 18), (0,)])
def test_a_gradient_of_another_shape_is_refused(shape: tuple, grad: bool) -> None:
    input, weight, _ = tensors(grad=grad)
    with pytest.raises(ValueError, match="the output's gradient has the shape"):
        OPERATORS.conv1d_backward(torch.zeros(shape), input, weight, 1, 0, 0, 1, 1, ALL)


@pytest.mark.parametrize(
    ("input", "weight"),
    [((), (8, 4, 3)), ((4, 20), (8, 4, 3)), ((2, 4, 20), (8,)), ((2, 4, 20), ())],
)
def test_other_numbers_of_dimensions_are_refused(input: tuple, weight: tuple) -> None:
    x, w = torch.zeros(input), torch.zeros(weight)
    with pytest.raises(ValueError, match="three dimensions"):
        OPERATORS.conv1d(x, w, None, 1, 0, 0, 1, 1, False)
    with pytest.raises(ValueError, match="three dimensions"):
        OPERATORS.conv1d_backward(torch.zeros(2, 8, 18), x, w, 1, 0, 0, 1, 1, ALL)


@pytest.mark.parametrize(
    "arguments",
    [(2**30, 2**30, 0, 1, 1), (10**6, 3 * 10**6, 10**7, 3 * 10**6 + 5, 1)],
    ids=str,
)
def test_taps_and_outputs_that_are_very_far_apart_need_little_memory(arguments: tuple) -> None:
    stride, left, _, dilation, _ = arguments
    input, weight, bias = tensors(kernel=2)
    y = OPERATORS.conv1d(input, weight, bias, *arguments, False)
    expected = bias[:, None].expand(y.shape).clone()
    for t in range(y.shape[2]):
        for tap in range(2):
            if 0 <= (at := t * stride - left + tap * dilation) < 20:
                expected[:, :, t] += input[:, :, at] @ weight[:, :, tap].T
    assert not torch.equal(expected[:, :, 0], expected[:, :, 1])
    torch.testing.assert_close(y, expected)
    dx, dw, db = OPERATORS.conv1d_backward(torch.ones_like(y), input, weight, *arguments, ALL)
    torch.testing.assert_close(db, torch.full((8,), 2.0 * y.shape[2]))
    # The sum of the outputs is linear in the weights, and in the inputs: Euler's theorem.
    total = (y - bias[:, None]).sum()
    torch.testing.assert_close((dw * weight).sum(), total)
    torch.testing.assert_close((dx * input).sum(), total)
