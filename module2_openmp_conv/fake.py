"""Shapes of what the operators put out, for torch.compile and fake tensors."""

import torch
from torch import Tensor

_Wanted = list[bool]


def register_fakes() -> None:
    """Tell torch what the operators' outputs look like; once, after they are registered."""
    torch.library.register_fake("crossscale::conv1d")(_conv1d)
    torch.library.register_fake("crossscale::conv1d.out")(_conv1d_out)
    torch.library.register_fake("crossscale::conv1d_backward")(_conv1d_backward)
    torch.library.register_fake("crossscale::normalised")(_normalised)
    torch.library.register_fake("crossscale::normalised_backward")(_normalised_backward)


def _conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding_left: int,
    padding_right: int,
    dilation: int,
    groups: int,
    relu: bool,
) -> Tensor:
    for tensor in (weight, bias):
        if tensor is not None and tensor.device != input.device:
            raise TypeError(f"conv1d: tensors on {input.device} and on {tensor.device}")
    batch, _, length = input.shape
    out_channels, _, kernel = weight.shape
    reach = dilation * (kernel - 1) + 1
    out_length = (length + padding_left + padding_right - reach) // stride + 1
    return input.new_empty(batch, out_channels, out_length)


def _conv1d_out(*arguments: object, out: Tensor) -> Tensor:
    return out


def _conv1d_backward(
    gradient: Tensor,
    input: Tensor,
    weight: Tensor,
    stride: int,
    padding_left: int,
    padding_right: int,
    dilation: int,
    groups: int,
    wanted: _Wanted,
) -> tuple[Tensor | None, ...]:
    return (
        input.new_empty(input.shape) if wanted[0] else None,
        weight.new_empty(weight.shape) if wanted[1] else None,
        weight.new_empty(weight.shape[0]) if wanted[2] else None,
    )


def _normalised(
    y: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor | None,
    running_variance: Tensor | None,
    eps: float,
    pool: int,
    mean_pool: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    batch, channels, length = y.shape
    out = y.new_empty(batch, channels, length // pool)
    return out, y.new_empty(channels), y.new_empty(channels)


def _normalised_backward(
    gradient: Tensor,
    y: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    eps: float,
    pool: int,
    mean_pool: bool,
    batch_statistics: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return y.new_empty(y.shape), weight.new_empty(weight.shape), bias.new_empty(bias.shape)
