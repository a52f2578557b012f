"""Of more taps than the tiles take: sums of several convolutions, as exact and nearly as fast.

And the definition, which is left to what no tile can take.
"""

import math
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d as torch_conv1d
from torch.nn.functional import pad

from module2_openmp_conv import conv1d, supported_isas, use_isa, use_method

pytestmark = pytest.mark.kernels

# Of float32 sums, beside the magnitude of what is summed.
TOLERANCE = 2.0**-20
# Batch, input and output channels, groups, length, kernel, stride, dilation, padding: parts alike
# and not, parts that read padding alone, several samples at once and one after the other.
CASES = [
    (3, 1, 16, 1, 500, 65, 1, 1, (32, 32)),
    (2, 16, 17, 1, 300, 128, 1, 1, (0, 5)),
    (2, 5, 3, 1, 400, 129, 3, 1, (64, 64)),
    (2, 4, 6, 2, 700, 66, 2, 5, (100, 200)),
    (1, 6, 6, 6, 300, 200, 1, 1, (199, 0)),
    (2, 3, 20, 1, 9, 300, 1, 2, (400, 700)),
    (40, 2, 3, 1, 901, 70, 1, 1, (35, 34)),
]


def with_gradients(
    convolve: Callable[..., Tensor], tensors: list[Tensor], pull: Tensor
) -> list[Tensor]:
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]
    out = convolve(*leaves)
    return [out.detach(), *torch.autograd.grad(out, leaves, pull)]


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs_and_gradients_are_torchs(case: tuple, relu: bool) -> None:
    batch, inputs, outputs, groups, length, kernel, stride, dilation, padding = case
    torch.manual_seed(0)
    arguments = {"stride": stride, "dilation": dilation, "groups": groups}
    tensors = [torch.randn(batch, inputs, length), torch.randn(outputs, inputs // groups, kernel)]
    tensors.append(torch.randn(outputs))

    def torchs(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return torch_conv1d(pad(x, padding), w, b, **arguments)

    def ours(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return conv1d(x, w, b, padding=padding, relu=relu, **arguments)

    pull = torch.randn_like(torchs(*tensors))
    for isa in supported_isas():
        with use_isa(isa), use_method("direct"):
            found = with_gradients(ours, tensors, pull)
        kept = pull * (found[0] > 0) if relu else pull
        double = [tensor.double() for tensor in tensors]
        exact = with_gradients(torchs, double, kept.double())
        size = with_gradients(torchs, [t.abs() for t in double], kept.double().abs())
        exact[0] = exact[0].relu() if relu else exact[0]
        for one, e, s in zip(found, exact, size, strict=True):
            assert ((one - e).abs() <= TOLERANCE * s).all()


def least_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(15):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("inputs", [1, 16])
def test_one_tap_more_than_the_tiles_take_costs_no_multiple(inputs: int) -> None:
    input, pull = torch.randn(16, inputs, 500), torch.randn(16, 16, 500)

    def times(kernel: int) -> list[float]:
        x, w = input.clone().requires_grad_(), torch.randn(16, inputs, kernel).requires_grad_()
        y = conv1d(x, w, padding=(32, kernel - 33))
        return [
            least_s(lambda: conv1d(x, w, padding=(32, kernel - 33))),
            *(
                least_s(lambda leaf=leaf: torch.autograd.grad(y, leaf, pull, retain_graph=True))
                for leaf in (x, w)
            ),
        ]

    with use_method("direct"):
        for more, most in zip(times(65), times(64), strict=True):
            assert more < 6 * most  # it was 25 to 100 times as much from the definition


@pytest.mark.parametrize("dilation", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_beside_weights_that_are_not_finite_others_give_what_they_give(
    stride: int, dilation: int
) -> None:
    torch.manual_seed(0)
    arguments = {"stride": stride, "dilation": dilation, "groups": 2, "padding": (7, 11)}
    x, w = torch.randn(2, 4, 60).requires_grad_(), torch.randn(6, 2, 9)
    w[3:, 1, 4] = math.inf  # of the second group: all is from the definition
    out = conv1d(x, w, **arguments)
    (slope,) = torch.autograd.grad(out.sum(), x)
    clean = w[:3].detach()
    y = x.detach()[:, :2].requires_grad_()
    expected = conv1d(y, clean, **{**arguments, "groups": 1})
    torch.testing.assert_close(out[:, :3], expected)
    torch.testing.assert_close(slope[:, :2], torch.autograd.grad(expected.sum(), y)[0])
    assert not slope[:, 3].isfinite().all()
