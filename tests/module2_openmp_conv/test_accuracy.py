"""Outputs and gradients are off by at most twice torch's own error, at every instruction set.

The reference is torch in float64. Errors are those of the worst element, in units in the last place
of the sum of its terms' magnitudes, which is what a sum's rounding is proportional to.
"""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import conv1d as torch_conv1d
from torch.nn.functional import pad

from module2_openmp_conv import conv1d, supported_isas, use_isa, use_method

pytestmark = pytest.mark.kernels

Worst = Callable[[Tensor, Tensor, Tensor], float]

# Now and then torch's own worst error is that of a lucky order of summation: so much more is let
# pass. A sum of n terms in one chain is off by about √n of these units.
FLOOR = 3.0
METHODS = ("direct", "fft")  # which leaves what it cannot do to the other
MOST_MULTIPLY_ADDS = 2e7  # for float64 without our kernels, so that an example takes milliseconds


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, int]:
    """Sizes of a convolution with at least one output."""
    depthwise = draw(st.integers(0, 4)) == 0
    groups = draw(st.integers(1, 40)) if depthwise else draw(st.sampled_from([1, 1, 1, 2, 3]))
    most = 1 if depthwise else 40 // groups
    kernel = draw(st.one_of(st.integers(1, 9), st.integers(1, 64), st.integers(65, 130)))
    case = {
        "batch": draw(st.integers(1, 5)),
        "groups": groups,
        "inputs": draw(st.integers(1, most)),
        "outputs": draw(st.integers(1, 2 if depthwise else most)),
        "kernel": kernel,
        "stride": draw(st.sampled_from([1, 1, 2, 3, 7])),
        "dilation": draw(st.sampled_from([1, 1, 2, 4, 5])),
        "left": draw(st.integers(0, kernel)),
    }
    per_position = case["batch"] * groups * case["inputs"] * case["outputs"] * kernel
    case["length"] = draw(st.integers(1, max(1, min(3600, int(MOST_MULTIPLY_ADDS / per_position)))))
    reach = case["dilation"] * (kernel - 1) + 1
    least = max(0, reach - case["length"] - case["left"])
    case["right"] = draw(st.integers(least, least + kernel))
    return case


def outputs_and_gradients(convolve: object, tensors: list[Tensor], pull: Tensor) -> list[Tensor]:
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]
    out = convolve(*leaves)  # type: ignore[operator]
    return [out.detach(), *torch.autograd.grad(out, leaves, pull)]


def sizes(*numbers: int) -> dict[str, int]:
    names = ("batch", "groups", "inputs", "outputs", "kernel", "stride", "dilation", "left")
    return dict(zip((*names, "length", "right"), numbers, strict=True))


# Long sums: of 1360 and of 2160 terms of the input's gradient, of 2400 and 1240 of the output.
@settings(max_examples=150, deadline=None, derandomize=True)
@given(case=convolutions())
@example(sizes(1, 1, 11, 34, 40, 1, 2, 79, 400, 28))
@example(sizes(1, 1, 6, 30, 72, 1, 1, 11, 220, 24))
@example(sizes(2, 1, 40, 10, 60, 3, 1, 33, 150, 15))
@example(sizes(1, 1, 40, 1, 31, 1, 1, 15, 900, 15))
@example(sizes(1, 3, 3, 9, 63, 7, 1, 50, 857, 29))
def test_errors_are_at_most_twice_torchs(worst: Worst, case: dict[str, int]) -> None:
    assert_errors_at_most_twice_torchs(worst, case)


# Lanes over output channels hold up to eight taps, and gradients of four positions: every number of
# taps that is left, of channels and of positions, in one chain and in several.
@pytest.mark.parametrize("kernel", [*range(1, 18), 31, 64])
@pytest.mark.parametrize(
    ("inputs", "outputs"), [(1, 16), (5, 24), (12, 33), (18, 16), (16, 32), (32, 17), (70, 64)]
)
def test_every_block_of_channels_and_taps(
    worst: Worst, inputs: int, outputs: int, kernel: int
) -> None:
    left = kernel // 2
    for length in (kernel, 47, 50, 117):
        assert_errors_at_most_twice_torchs(
            worst, sizes(2, 1, inputs, outputs, kernel, 1, 1, left, length, kernel - 1 - left)
        )


# Dilations of 2 and 4 have such tiles, too; one of 3 has not.
@pytest.mark.parametrize("kernel", [*range(1, 10), 17, 31])
@pytest.mark.parametrize("dilation", [2, 3, 4])
def test_every_block_of_dilated_taps(worst: Worst, dilation: int, kernel: int) -> None:
    reach = dilation * (kernel - 1)
    left = reach // 2
    for inputs, outputs in ((5, 24), (16, 32)):
        for length in (47, 117):
            assert_errors_at_most_twice_torchs(
                worst, sizes(2, 1, inputs, outputs, kernel, 1, dilation, left, length, reach - left)
            )


def assert_errors_at_most_twice_torchs(worst: Worst, case: dict[str, int]) -> None:
    torch.manual_seed(case["length"])
    groups, padding = case["groups"], (case["left"], case["right"])
    input = torch.randn(case["batch"], groups * case["inputs"], case["length"])
    weight = torch.randn(groups * case["outputs"], case["inputs"], case["kernel"])
    tensors = [input, weight, torch.randn(len(weight))]
    arguments = {"stride": case["stride"], "dilation": case["dilation"], "groups": groups}

    def torchs(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return torch_conv1d(pad(x, padding), w, b, **arguments)

    pull = torch.randn_like(torchs(*tensors))
    double = [tensor.double() for tensor in tensors]
    exact = outputs_and_gradients(torchs, double, pull.double())
    size = outputs_and_gradients(torchs, [t.abs() for t in double], pull.double().abs())
    float32 = outputs_and_gradients(torchs, tensors, pull)
    for isa, method in product(supported_isas(), METHODS):
        with use_isa(isa), use_method(method):
            ours = outputs_and_gradients(
                lambda x, w, b: conv1d(x, w, b, padding=padding, **arguments), tensors, pull
            )
        names = ("output", "input's gradient", "weight's gradient", "bias' gradient")
        for name, one, other, e, s in zip(names, ours, float32, exact, size, strict=True):
            assert one.shape == e.shape
            assert worst(one, e, s) <= 2 * worst(other, e, s) + FLOOR, (name, isa, method)


def test_sums_over_a_large_batch_stay_exact(worst: Worst) -> None:
    torch.manual_seed(0)
    input, pull = torch.randn(4000, 1, 120), torch.randn(4000, 3, 120)
    weight, bias = torch.randn(3, 1, 1), torch.randn(3)
    exact = torch.einsum("bit,bot->oi", input.double(), pull.double())[..., None]
    size = torch.einsum("bit,bot->oi", input.double().abs(), pull.double().abs())[..., None]
    for isa in supported_isas():
        with use_isa(isa):
            found = outputs_and_gradients(conv1d, [input, weight, bias], pull)
        assert worst(found[2], exact, size) <= FLOOR
        assert worst(found[3], pull.double().sum((0, 2)), pull.double().abs().sum((0, 2))) <= FLOOR
