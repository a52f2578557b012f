"""Torch's ways to convolve, and those that a torch user can write with its other operators."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from module2_openmp_conv.contestant import Contestant
from module2_openmp_conv.grid import GRADIENTS
from module2_openmp_conv.problem import Problem

_UNFOLDED_BYTES = 1 << 26  # beyond, unfolding is far behind and takes seconds


def torch_contestants(problem: Problem) -> dict[str, Contestant]:
    """Those that can take part in the problem's operation, by name."""
    operation = problem.cell.operation
    if operation == "forward":
        return _forward(problem)
    if operation in GRADIENTS:
        return _gradient(problem)
    return _recorded(problem)


def _recorded(p: Problem) -> dict[str, Contestant]:
    """With autograd: the forward pass alone, or a whole step."""
    arguments = _arguments(p)
    input, weight, bias = leaves = leaves_of(p.input, p.weight, p.bias)

    def forward() -> Tensor:
        return F.conv1d(input, weight, bias, *arguments)

    if p.cell.operation == "forward_with_grad":
        return {"torch": Contestant(forward, grad=True)}

    return {
        "torch": step_of(forward, leaves, p.gradient),
        "torch_channels_last": _step_channels_last(p),
    }


def step_of(
    forward: Callable[[], Tensor], leaves: Sequence[Tensor], gradient: Tensor
) -> Contestant:
    """A forward pass, and back to the gradients of all leaves."""

    def step() -> tuple[Tensor, ...]:
        out = forward()
        return (out, *torch.autograd.grad(out, leaves, gradient))

    return Contestant(step, grad=True)


def leaves_of(*tensors: Tensor) -> list[Tensor]:
    """Copies that need a gradient, in the same layouts."""
    return [tensor.detach().clone().requires_grad_() for tensor in tensors]


def _arguments(p: Problem) -> tuple[Any, ...]:
    """Stride, padding, dilation and groups, as F.conv1d takes them."""
    return 1, p.cell.padding, p.cell.dilation, p.cell.groups


def _image_arguments(p: Problem) -> tuple[Any, ...]:
    """The same for an image one pixel high."""
    return [1, 1], [0, p.cell.padding], [1, p.cell.dilation], p.cell.groups


def _channels_last(tensor: Tensor) -> Tensor:
    """As an image one pixel high, its channels beside each other in memory."""
    return tensor.unsqueeze(2).contiguous(memory_format=torch.channels_last)


def _forward(p: Problem) -> dict[str, Contestant]:
    arguments = _arguments(p)
    found = {
        "torch": Contestant(lambda: F.conv1d(p.input, p.weight, p.bias, *arguments)),
        "torch_out": _out(p),
        "torch_channels_last": _forward_channels_last(p),
    }
    if torch.backends.mkldnn.is_available():
        found |= {"torch_packed": _packed(p), "torch_blocked": _blocked(p)}
    if p.cell.in_channels == p.cell.out_channels == 1:
        found["torch_shifted"] = _shifted(p)
    if p.input.nbytes * p.cell.kernel_width <= _UNFOLDED_BYTES:
        found["torch_unfold"] = _unfold(p)
    if p.cell.in_channels > 1 and p.cell.groups == 1 and p.cell.dilation == 1:
        found["torch_fft"] = _fft(p)
    return found


def _out(p: Problem) -> Contestant:
    """Torch with its output allocated beforehand; torch 2.13 still copies into it."""
    stride, padding, dilation, groups = _arguments(p)
    out = torch.empty_like(p.gradient)
    arguments: tuple[Any, ...] = (
        p.input,
        p.weight,
        p.bias,
        [stride],
        [padding],
        [dilation],
        False,
        [0],
        groups,
    )
    return Contestant(lambda: torch.ops.aten.convolution.out(*arguments, out=out))


def _packed(p: Problem) -> Contestant:
    """Torch as its compiler calls oneDNN: weights in oneDNN's own layout (private operators)."""
    stride, padding, dilation, groups = _image_arguments(p)
    image = p.input.unsqueeze(2)
    packed = torch.ops.mkldnn._reorder_convolution_weight(
        p.weight.unsqueeze(2), padding, stride, dilation, groups, list(image.shape)
    )
    arguments: tuple[Any, ...] = (
        image,
        packed,
        p.bias,
        padding,
        stride,
        dilation,
        groups,
        "none",
        [],
        "",
    )
    return Contestant(lambda: torch.ops.mkldnn._convolution_pointwise(*arguments).squeeze(2))


def _blocked(p: Problem) -> Contestant:
    """Everything in oneDNN's layout before and after, as inside a model run in it."""
    input, weight, bias = (t.to_mkldnn() for t in (p.input, p.weight, p.bias))
    arguments = _arguments(p)
    return Contestant(lambda: F.conv1d(input, weight, bias, *arguments))


def _forward_channels_last(p: Problem) -> Contestant:
    image, weight, arguments = (
        _channels_last(p.input),
        _channels_last(p.weight),
        _image_arguments(p),
    )
    return Contestant(lambda: F.conv2d(image, weight, p.bias, *arguments))


def _shifted(p: Problem) -> Contestant:
    """One channel to one, as a torch user can write it: a multiply-add of slices for each tap."""
    length, padding, dilation = p.cell.length, p.cell.padding, p.cell.dilation
    first, *others = p.weight.flatten().tolist()

    def run() -> Tensor:
        padded = F.pad(p.input, (padding, padding))
        out = torch.add(p.bias, padded[..., :length], alpha=first)
        for tap, value in enumerate(others, start=1):
            out.add_(padded[..., tap * dilation : tap * dilation + length], alpha=value)
        return out

    return Contestant(run)


def _unfold(p: Problem) -> Contestant:
    """A matrix of all the kernel's places, times the weights."""
    batch, _, length = p.input.shape
    out_channels, group_channels, width = p.weight.shape
    groups, padding, dilation = p.cell.groups, p.cell.padding, p.cell.dilation
    matrix = p.weight.view(groups, out_channels // groups, group_channels * width)
    bias = p.bias.view(1, -1, 1)

    def run() -> Tensor:
        padded = F.pad(p.input, (padding, padding))
        places = padded.unfold(2, dilation * (width - 1) + 1, 1)[..., ::dilation]
        columns = places.transpose(2, 3).reshape(batch, groups, group_channels * width, length)
        return (matrix @ columns).view(batch, out_channels, length).add_(bias)

    return Contestant(run)


def _fft(p: Problem) -> Contestant:
    """Whole rows' spectra, padded to a product of small primes, times those of the weights."""
    length, width, padding = p.cell.length, p.cell.kernel_width, p.cell.padding
    transform = next(n for n in count(length + width - 1) if _is_smooth(n))
    spectra = torch.fft.rfft(p.weight, transform).conj().permute(2, 1, 0).contiguous()
    bias = p.bias.view(1, -1, 1)

    def run() -> Tensor:
        padded = F.pad(p.input, (padding, padding))
        bins = torch.fft.rfft(padded, transform).permute(2, 0, 1)
        out = torch.fft.irfft(torch.bmm(bins, spectra).permute(1, 2, 0), transform)
        return out[..., :length].add_(bias)

    return Contestant(run)


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1


def _gradient(p: Problem) -> dict[str, Contestant]:
    stride, padding, dilation, groups = _arguments(p)
    which = GRADIENTS.index(p.cell.operation)
    mask = [which == 0, which == 1, False]
    shape = ([stride], [padding], [dilation], False, [0], groups, mask)
    image_stride, image_padding, image_dilation, _ = _image_arguments(p)
    image_shape = (image_stride, image_padding, image_dilation, False, [0, 0], groups, mask)
    images = [_channels_last(t) for t in (p.gradient, p.input, p.weight)]
    backward = torch.ops.aten.convolution_backward
    found = {
        "torch": Contestant(lambda: backward(p.gradient, p.input, p.weight, None, *shape)[which]),
        "torch_channels_last": Contestant(lambda: backward(*images, None, *image_shape)[which]),
    }
    if torch.backends.mkldnn.is_available():
        blocked = [t.unsqueeze(2).to_mkldnn() for t in (p.gradient, p.input)]
        weight = p.weight.unsqueeze(2)  # torch has no backward pass for a blocked weight
        found["torch_blocked"] = Contestant(
            lambda: backward(*blocked, weight, None, *image_shape)[which]
        )
    if p.cell.operation == "input_gradient":
        found |= _input_gradient(p)
    return found


def _input_gradient(p: Problem) -> dict[str, Contestant]:
    """A transposed convolution; without groups also a convolution with the kernel turned round."""
    _, padding, dilation, groups = _arguments(p)
    found = {
        "torch_transposed": Contestant(
            lambda: F.conv_transpose1d(p.gradient, p.weight, None, 1, padding, 0, groups, dilation)
        )
    }
    if groups == 1:
        found["torch_flipped"] = Contestant(
            lambda: F.conv1d(
                p.gradient, p.weight.flip(2).transpose(0, 1), None, 1, padding, dilation
            )
        )
    return found


def _step_channels_last(p: Problem) -> Contestant:
    images = [_channels_last(t) for t in (p.input, p.weight)]
    input, weight, bias = leaves = leaves_of(*images, p.bias)
    gradient, arguments = _channels_last(p.gradient), _image_arguments(p)

    return step_of(lambda: F.conv2d(input, weight, bias, *arguments), leaves, gradient)
