"""`conv1d_input_gradient` and `conv1d_weight_gradient`: each gradient on its own."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from module2_openmp_conv.extension import kernels
from module2_openmp_conv.gradients import conv1d_input_gradient, conv1d_weight_gradient

pytestmark = pytest.mark.kernels

CASES = [
    {"padding": 2},
    {"padding": "causal", "dilation": 2},
    {"padding": 1, "stride": 2},
    {"padding": "same", "groups": 2},
]


def problem(arguments: dict) -> tuple[Tensor, Tensor, Tensor]:
    """Input, weight and an output's gradient, float32."""
    generator = torch.Generator().manual_seed(0)
    groups, stride = arguments.get("groups", 1), arguments.get("stride", 1)
    input = torch.randn(3, 4, 60, generator=generator)
    weight = torch.randn(6, 4 // groups, 5, generator=generator)
    length = 60 if stride == 1 else (60 + 2 * arguments["padding"] - 5) // stride + 1
    return input, weight, torch.randn(3, 6, length, generator=generator)


def torchs(arguments: dict) -> tuple[Tensor, Tensor]:
    """Torch's gradients in float64."""
    input, weight, gradient = (t.double() for t in problem(arguments))
    given = dict(arguments)
    if given["padding"] == "causal":
        reach = given["dilation"] * 4
        padded = torch.nn.functional.pad(input.requires_grad_(), (reach, 0))
        given["padding"] = 0
    else:
        padded = input.requires_grad_()
    out = torch.nn.functional.conv1d(padded, weight.requires_grad_(), None, **given)
    return torch.autograd.grad(out, (input, weight), gradient)


@pytest.mark.parametrize("arguments", CASES, ids=str)
def test_each_equals_torchs_in_float64(arguments: dict) -> None:
    input, weight, gradient = problem(arguments)
    of_input = conv1d_input_gradient(gradient, weight, 60, **arguments)
    of_weight = conv1d_weight_gradient(gradient, input, 5, **arguments)
    for ours, expected in zip((of_input, of_weight), torchs(arguments), strict=True):
        scale = float(expected.abs().max())
        torch.testing.assert_close(ours.double(), expected, atol=3e-6 * scale, rtol=0)


@pytest.mark.parametrize("arguments", CASES, ids=str)
def test_a_graph_has_the_same_bits(arguments: dict) -> None:
    input, weight, gradient = problem(arguments)

    def both(gradient: Tensor, input: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        return (
            conv1d_input_gradient(gradient, weight, 60, **arguments),
            conv1d_weight_gradient(gradient, input, 5, **arguments),
        )

    compiled = torch.compile(both, backend="aot_eager", fullgraph=True)
    expected = both(gradient, input, weight)
    for ours, again in zip(compiled(gradient, input, weight), expected, strict=True):
        assert torch.equal(ours, again)


def test_a_gradient_of_many_groups_in_memory_equals_torchs() -> None:
    # So large that the next row's lines are asked for; 252 positions end in part of a vector.
    generator = torch.Generator().manual_seed(0)
    input, gradient = (torch.randn(40, 64, 252, generator=generator) for _ in range(2))
    weight = torch.randn(64, 1, 7, generator=generator)
    of_input = conv1d_input_gradient(gradient, weight, 252, padding=3, groups=64)
    of_weight = conv1d_weight_gradient(gradient, input, 7, padding=3, groups=64)
    exact = [t.double().requires_grad_() for t in (input, weight)]
    out = torch.nn.functional.conv1d(*exact, None, padding=3, groups=64)
    expected = torch.autograd.grad(out, exact, gradient.double())
    for ours, exactly in zip((of_input, of_weight), expected, strict=True):
        scale = float(exactly.abs().max())
        torch.testing.assert_close(ours.double(), exactly, atol=3e-6 * scale, rtol=0)


def test_they_can_be_differentiated_again() -> None:
    _, weight, gradient = problem({"padding": 2})
    gradient.requires_grad_()
    conv1d_input_gradient(gradient, weight, 60, padding=2).sum().backward()
    expected = torch.nn.functional.conv1d(torch.ones(3, 4, 60), weight, padding=2)
    assert gradient.grad is not None
    torch.testing.assert_close(gradient.grad, expected, atol=1e-4, rtol=0)


Wrong = Callable[[Tensor, Tensor, Tensor], object]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda g, w, x: conv1d_input_gradient(g[0], w, 60), ValueError, "gradient has 2"),
        (lambda g, w, x: conv1d_input_gradient(g, w[0], 60), ValueError, "weight has 2"),
        (lambda g, w, x: conv1d_weight_gradient(g, x[0], 5), ValueError, "input has 2"),
        (lambda g, w, x: conv1d_weight_gradient(g, x, 5, groups=0), ValueError, "groups is 0"),
        (lambda g, w, x: conv1d_input_gradient(g, w, 61, padding=2), ValueError, "shape"),
        (lambda g, w, x: conv1d_input_gradient(g.double(), w, 60), TypeError, "float32"),
        (lambda g, w, x: conv1d_weight_gradient(g, None, 5), TypeError, "input is no tensor"),
    ],
)
def test_what_cannot_be_is_one_sentence(call: Wrong, error: type, message: str) -> None:
    input, weight, gradient = problem({"padding": 2})
    with pytest.raises(error, match=message) as raised:
        call(gradient, weight, input)
    assert "\n" not in str(raised.value)


SUMS_FLOATS = 2**26  # of all threads: 256 MiB


@given(threads=st.integers(1, 512), floats=st.integers(0, 2**40))
def test_all_threads_that_their_sums_have_room_for(threads: int, floats: int) -> None:
    team = kernels.summing_team_size(threads, floats)
    assert 1 <= team <= threads
    assert team == 1 or team * floats <= SUMS_FLOATS
    assert team == threads or (team + 1) * floats > SUMS_FLOATS


# Eight threads' sums would be half a gigabyte.
WIDE = """
import re, torch
from pathlib import Path
from module2_openmp_conv import use_method
from module2_openmp_conv.gradients import conv1d_weight_gradient
def most_bytes():  # of this program alone, unlike getrusage's
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
torch.set_num_threads(8)
x, g = torch.randn(8, 512, 64), torch.randn(8, 512, 1)
if {channels_last}:
    x, g = x.mT.contiguous().mT, g.mT.contiguous().mT
before = most_bytes()
with use_method("direct"):
    found = conv1d_weight_gradient(g, x, 64, channels_last={channels_last})
after = most_bytes()
assert (found - torch.einsum("bit,bo->oit", x, g[:, :, 0])).abs().max() < 1e-4
print(after - before - found.nbytes)
"""


@pytest.mark.parametrize("channels_last", [False, True])
def test_sums_of_a_wide_layer_take_no_more_memory_than_that(channels_last: bool) -> None:
    code = WIDE.format(channels_last=channels_last)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1.25 * 4 * SUMS_FLOATS  # threads and their stacks are more
