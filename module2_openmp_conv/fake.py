"""Shapes of what the operators put out, for torch.compile and fake tensors."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, library

_Wanted = list[bool]
_Shape = tuple[int, int, int]


def register_fakes() -> None:
    """Tell torch what the operators' outputs look like; once, after they are registered."""
    fakes = {
        "conv1d": _conv1d,
        "conv1d.out": _conv1d_out,
        "conv1d_backward": _conv1d_backward,
        "normalised": _normalised,
        "normalised_backward": _normalised_backward,
        "gather_rows": _gather_rows,
    }
    for name, fake in fakes.items():
        library.register_fake(f"crossscale::{name}")(fake)


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
    channels_last: bool = False,
) -> Tensor:
    _check_alike(input, weight, bias)
    shape = _out_shape(input, weight, stride, padding_left, padding_right, dilation, groups)
    if bias is not None:
        torch._check_value(
            bias.dim() == 1 and bias.shape[0] == shape[1],
            lambda: f"conv1d: bias has the shape {bias.shape}, not [{shape[1]}]",
        )
    return _new_empty(input, shape, channels_last)


def _conv1d_out(
    input: Tensor, weight: Tensor, bias: Tensor | None, *arguments: Any, out: Tensor
) -> None:
    shape = _conv1d(input, weight, bias, *arguments).shape
    _check_alike(input, out)
    torch._check(out.shape == shape, lambda: f"conv1d: out has the shape {out.shape}, not {shape}")


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
    channels_last: bool = False,
) -> tuple[Tensor | None, ...]:
    _check_alike(input, weight, gradient)
    shape = _out_shape(input, weight, stride, padding_left, padding_right, dilation, groups)
    torch._check_value(
        gradient.shape == shape,
        lambda: f"conv1d: the output's gradient has the shape {gradient.shape}, not {shape}",
    )
    return (
        _new_empty(input, input.shape, channels_last) if wanted[0] else None,
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


def _gather_rows(source: Tensor, rows: Tensor, out: Tensor) -> None:
    if rows.dtype != torch.int64 or out.dtype != source.dtype:
        raise TypeError("gather_rows: rows must be int64, and out of the source's dtype")
    torch._check_value(
        out.shape == (*rows.shape, *source.shape[1:]),
        lambda: (
            f"gather_rows: rows of shape {rows.shape} of a source of shape {source.shape} "
            f"do not fit an out of shape {out.shape}"
        ),
    )


def _new_empty(like: Tensor, shape: Sequence[int], channels_last: bool) -> Tensor:
    if not channels_last:
        return like.new_empty(shape)
    batch, channels, positions = shape
    return like.new_empty((batch, positions, channels)).transpose(1, 2)


def _check_alike(input: Tensor, *others: Tensor | None) -> None:
    """As the kernels refuse, so that a mistake shows while a graph is traced."""
    for tensor in (input, *others):
        if tensor is not None and tensor.device != input.device:
            raise TypeError(f"conv1d: tensors on {input.device} and on {tensor.device}")
        if tensor is not None and tensor.dtype != torch.float32:
            raise TypeError(f"conv1d: {tensor.dtype}, but only float32 is taken here")


def _out_shape(
    input: Tensor,
    weight: Tensor,
    stride: int,
    padding_left: int,
    padding_right: int,
    dilation: int,
    groups: int,
) -> _Shape:
    torch._check_value(
        input.dim() == 3 and weight.dim() == 3,
        lambda: "conv1d: input and weight must have three dimensions",
    )
    batch, in_channels, length = input.shape
    out_channels, group_in, kernel = weight.shape
    torch._check_value(
        groups > 0 and in_channels == group_in * groups and out_channels % groups == 0,
        lambda: (
            f"conv1d: {groups} groups of {group_in} channels do not make {in_channels} "
            f"channels, or do not divide {out_channels}"
        ),
    )
    torch._check_value(
        stride > 0 and dilation > 0 and padding_left >= 0 and padding_right >= 0,
        lambda: "conv1d: stride or dilation is not positive, or padding is negative",
    )
    reach, padded = dilation * (kernel - 1) + 1, length + padding_left + padding_right
    torch._check_value(
        reach <= padded,
        lambda: f"conv1d: the kernel reaches over {reach} positions, the padded input has {padded}",
    )
    return batch, out_channels, (padded - reach) // stride + 1
