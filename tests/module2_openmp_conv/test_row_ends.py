"""Rows of all lengths and paddings: nothing is read or written beyond them, nothing left out."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d as torch_conv1d
from torch.nn.functional import pad

from module2_openmp_conv import conv1d, supported_isas, use_isa, use_method

pytestmark = pytest.mark.kernels

CHANNELS = 17  # a vector of any instruction set's, and one more
FEW_TO = 8 + 4 + 2 + 1  # output channels of one input: a block of each size
AROUND = 80  # floats beside the tensor that nothing may read
# About the ends of tiles, and of the rows that are too short for one.
LENGTHS = (*range(1, 34), *range(46, 52), *range(62, 68), *range(76, 100), *range(108, 132), 500)


def beside_nan(values: Tensor) -> Tensor:
    """The same values as a contiguous tensor in the midst of NaN."""
    memory = torch.full((values.numel() + 2 * AROUND,), torch.nan)
    inside = memory[AROUND:-AROUND]
    inside.copy_(values.flatten())
    return inside.view(values.shape)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 7, 8, 15, 16, 31])
@pytest.mark.parametrize("isa", supported_isas())
def test_depthwise_rows_of_all_lengths_and_paddings(
    isa: str, kernel: int, channels_last: bool
) -> None:
    check_rows(isa, kernel, CHANNELS, CHANNELS, CHANNELS, channels_last)


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 7, 8, 15, 16, 31])
@pytest.mark.parametrize("isa", supported_isas())
def test_few_inputs_of_all_lengths_and_paddings(isa: str, kernel: int, in_channels: int) -> None:
    check_rows(isa, kernel, in_channels, FEW_TO, 1, channels_last=False)


def check_rows(
    isa: str, kernel: int, in_channels: int, out_channels: int, groups: int, channels_last: bool
) -> None:
    """Compare with float64, between NaN that nothing may read and nothing may write on."""
    generator = torch.Generator().manual_seed(kernel)
    weight = torch.randn(out_channels, in_channels // groups, kernel, generator=generator)
    bias = torch.randn(out_channels, generator=generator)
    paddings = sorted({0, kernel // 2, kernel - 1, kernel, kernel + 2})
    with use_isa(isa), use_method("direct"):
        for length in LENGTHS:
            values = torch.randn(1, in_channels, length, generator=generator)
            x = beside_nan(values.mT).mT if channels_last else beside_nan(values)
            for left in paddings:
                for right in (0, kernel // 2, kernel + 1):
                    if left + length + right < kernel:
                        continue
                    exact = torch_conv1d(
                        pad(values.double(), (left, right)),
                        weight.double(),
                        bias.double(),
                        groups=groups,
                    )
                    memory = torch.full((exact.numel() + 2 * AROUND,), torch.nan)
                    out = memory[AROUND:-AROUND].view(
                        exact.mT.shape if channels_last else exact.shape
                    )
                    found = conv1d(
                        x,
                        weight,
                        bias,
                        padding=(left, right),
                        groups=groups,
                        channels_last=channels_last,
                        out=out.mT if channels_last else out,
                    )
                    error = (found - exact).abs().max()
                    assert error < 2e-5, (length, left, right, float(error))
                    around = torch.cat([memory[:AROUND], memory[-AROUND:]])
                    assert around.isnan().all(), (length, left, right)
