"""A NaN or an infinity reaches what it is summed into, and nothing else."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from module2_openmp_conv import conv1d, supported_isas, use_isa, use_method

pytestmark = [pytest.mark.kernels, pytest.mark.usefixtures("method")]

BAD = [math.nan, math.inf, -math.inf]
LENGTH, LEFT, RIGHT, DILATION = 60, 4, 3, 2
# Output channels, kernel and stride: lanes over positions and over channels, and the plain kernels.
SIZES = [(2, 5, 1), (9, 5, 1), (40, 5, 2), (3, 66, 1)]


@pytest.fixture(params=["direct", "fft"], scope="module")
def method(request: pytest.FixtureRequest) -> Iterator[None]:
    with use_method(request.param):
        yield


def tensors(outputs: int, kernel: int, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Input, weight, and the output's gradient; the kernel reaches over both paddings."""
    torch.manual_seed(0)
    length = LENGTH + (DILATION * kernel if kernel > 64 else 0)
    input, weight = torch.randn(2, 3, length), torch.randn(outputs, 3, kernel)
    return input, weight, torch.randn_like(convolve(input, weight, stride))


def convolve(input: Tensor, weight: Tensor, stride: int) -> Tensor:
    return conv1d(input, weight, padding=(LEFT, RIGHT), stride=stride, dilation=DILATION)


def gradients(input: Tensor, weight: Tensor, pull: Tensor, stride: int) -> tuple[Tensor, ...]:
    leaves = [input.detach().requires_grad_(), weight.detach().requires_grad_()]
    return torch.autograd.grad(convolve(*leaves, stride), leaves, pull)


def read_by(t: int, stride: int, kernel: int, length: int) -> dict[int, int]:
    """Positions of the input that output t reads, by their taps; those on padding left out."""
    positions = {k: t * stride + k * DILATION - LEFT for k in range(kernel)}
    return {k: at for k, at in positions.items() if 0 <= at < length}


def assert_bad_only_where(mask: Tensor, found: Tensor, clean: Tensor) -> None:
    assert not found[mask].isfinite().any()
    torch.testing.assert_close(found[~mask], clean[~mask], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("isa", supported_isas())
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("outputs", "kernel", "stride"), SIZES)
def test_of_a_bad_gradient(outputs: int, kernel: int, stride: int, bad: float, isa: str) -> None:
    input, weight, pull = tensors(outputs, kernel, stride)
    with use_isa(isa):
        clean = gradients(input, weight, pull, stride)
        for t in {0, 1, 2, pull.shape[2] // 2, pull.shape[2] - 1}:
            broken = pull.clone()
            broken[1, 0, t] = bad
            slopes = gradients(input, weight, broken, stride)
            of_input = torch.zeros(input.shape, dtype=torch.bool)
            of_weight = torch.zeros(weight.shape, dtype=torch.bool)
            for tap, at in read_by(t, stride, kernel, input.shape[2]).items():
                of_input[1, :, at] = True
                of_weight[0, :, tap] = True
            assert_bad_only_where(of_input, slopes[0], clean[0])
            assert_bad_only_where(of_weight, slopes[1], clean[1])


@pytest.mark.parametrize("isa", supported_isas())
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("outputs", "kernel", "stride"), SIZES)
def test_of_a_bad_weight(outputs: int, kernel: int, stride: int, bad: float, isa: str) -> None:
    input, weight, pull = tensors(outputs, kernel, stride)
    with use_isa(isa):
        clean = gradients(input, weight, pull, stride)
        for tap in {0, 1, kernel - 1}:
            broken = weight.clone()
            broken[1, 2, tap] = bad
            slopes = gradients(input, broken, pull, stride)
            of_input = torch.zeros(input.shape, dtype=torch.bool)
            for t in range(pull.shape[2]):
                read = read_by(t, stride, kernel, input.shape[2])
                if tap in read:
                    of_input[:, 2, read[tap]] = True
            assert_bad_only_where(of_input, slopes[0], clean[0])
            assert torch.equal(slopes[1], clean[1])


@pytest.mark.parametrize("isa", supported_isas())
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("outputs", "kernel", "stride"), SIZES)
def test_of_a_bad_input(outputs: int, kernel: int, stride: int, bad: float, isa: str) -> None:
    input, weight, pull = tensors(outputs, kernel, stride)
    with use_isa(isa):
        clean = gradients(input, weight, pull, stride)
        for at in {0, 1, input.shape[2] // 2, input.shape[2] - 1}:
            broken = input.clone()
            broken[0, 1, at] = bad
            slopes = gradients(broken, weight, pull, stride)
            of_weight = torch.zeros(weight.shape, dtype=torch.bool)
            for t in range(pull.shape[2]):
                for tap, read in read_by(t, stride, kernel, input.shape[2]).items():
                    of_weight[:, 1, tap] |= read == at
            assert torch.equal(slopes[0], clean[0])
            assert_bad_only_where(of_weight, slopes[1], clean[1])


@pytest.mark.parametrize("isa", supported_isas())
def test_sums_overflow_to_infinity_and_small_numbers_stay(isa: str) -> None:
    input, weight, pull = tensors(9, 5, 1)
    with use_isa(isa):
        out = convolve(input.abs() * 1e30, weight.abs() * 1e30, 1)
        assert (out == math.inf).all()
        huge = gradients(input.abs() * 1e30, weight.abs() * 1e30, pull.abs() * 1e30, 1)
        assert all((slope == math.inf).all() for slope in huge)
        small = convolve(input * 1e-20, weight * 1e-20, 1)
        expected = convolve(input, weight, 1) * 1e-40  # subnormal: not flushed to zero
        torch.testing.assert_close(small, expected, atol=5e-44, rtol=0)
        assert small.any()


@pytest.mark.parametrize("isa", supported_isas())
@pytest.mark.parametrize("bad", [*BAD, 1e37, -1e37])
def test_neighbours_of_a_bad_or_huge_input_stay(bad: float, isa: str) -> None:
    torch.manual_seed(0)
    input, weight = torch.randn(2, 16, 61), torch.randn(32, 16, 5)
    with use_isa(isa):
        clean = conv1d(input, weight, padding=2)
        for at in (0, 1, 30, 60):
            broken = input.clone()
            broken[1, 3, at] = bad
            broken[1, 4, at] = -bad
            out = conv1d(broken, weight, padding=2)
            exact = torch.nn.functional.conv1d(broken.double(), weight.double(), padding=2)
            touched = torch.zeros_like(clean, dtype=torch.bool)
            touched[1, :, max(0, at - 2) : at + 3] = True
            torch.testing.assert_close(out[~touched], clean[~touched], atol=1e-4, rtol=1e-4)
            expected = exact.float()[touched]
            assert torch.equal(out[touched].isfinite(), expected.isfinite())
            finite = expected.isfinite()
            torch.testing.assert_close(out[touched][finite], expected[finite], rtol=1e-4, atol=1e32)


@pytest.mark.parametrize("isa", supported_isas())
@pytest.mark.parametrize("size", [1e16, 3e38])
def test_huge_weights_do_not_overflow_where_torchs_do_not(size: float, isa: str) -> None:
    torch.manual_seed(0)
    input, weight = torch.randn(2, 16, 61) * 1e-3, torch.randn(32, 16, 3)
    weight[5, 2, :] = size
    exact = torch.nn.functional.conv1d(input.double(), weight.double(), padding=1)
    with use_isa(isa):
        out = conv1d(input, weight, padding=1)
    torch.testing.assert_close(out, exact.float(), rtol=1e-4, atol=1e-4)
