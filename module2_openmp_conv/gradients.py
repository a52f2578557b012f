"""Gradients of `conv1d` on their own, as torch.nn.grad has them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from module2_openmp_conv.conv1d import Padding, both_sides, single
from module2_openmp_conv.extension import kernels


def conv1d_input_gradient(
    gradient: Tensor,
    weight: Tensor,
    input_length: int,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    channels_last: bool = False,
) -> Tensor:
    """The gradient of the input, a convolution of the output's gradient with reversed taps.

    Args:
        gradient: float32 [batch, out_channels, out_length], of the output.
        weight: float32 [out_channels, in_channels / groups, kernel].
        input_length: length of the input.
        stride: as `conv1d`.
        padding: as `conv1d`.
        dilation: as `conv1d`.
        groups: as `conv1d`.
        channels_last: as `conv1d`; for every tensor but the weights.

    Returns:
        float32 [batch, in_channels, input_length].
    """
    arguments = _arguments(weight.shape[-1], stride, padding, dilation, groups)
    if not torch.compiler.is_compiling():
        return kernels.conv1d_input_gradient(
            gradient, weight, input_length, *arguments, channels_last
        )
    input = gradient.new_empty(()).expand(len(gradient), weight.shape[1] * groups, input_length)
    wanted = [True, False, False]
    result: Tensor = torch.ops.crossscale.conv1d_backward(
        gradient, input, weight, *arguments, wanted, channels_last
    )[0]
    return result


def conv1d_weight_gradient(
    gradient: Tensor,
    input: Tensor,
    kernel_width: int,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    channels_last: bool = False,
) -> Tensor:
    """The gradient of the weights: sums over batch and positions.

    Args:
        gradient: float32 [batch, out_channels, out_length], of the output.
        input: float32 [batch, in_channels, length].
        kernel_width: taps.
        stride: as `conv1d`.
        padding: as `conv1d`.
        dilation: as `conv1d`.
        groups: as `conv1d`.
        channels_last: as `conv1d`; for every tensor but the weights.

    Returns:
        float32 [out_channels, in_channels / groups, kernel_width].
    """
    arguments = _arguments(kernel_width, stride, padding, dilation, groups)
    if not torch.compiler.is_compiling():
        return kernels.conv1d_weight_gradient(
            gradient, input, kernel_width, *arguments, channels_last
        )
    shape = (gradient.shape[1], input.shape[1] // groups, kernel_width)
    wanted = [False, True, False]
    result: Tensor = torch.ops.crossscale.conv1d_backward(
        gradient, input, gradient.new_empty(()).expand(shape), *arguments, wanted, channels_last
    )[1]
    return result


def _arguments(
    kernel_width: int,
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int],
    groups: int,
) -> tuple[int, int, int, int, int]:
    step, spread = single(stride), single(dilation)
    left, right = both_sides(padding, step, spread * (kernel_width - 1))
    return step, left, right, spread, groups
