"""Who takes part in the benchmark: each is a function without arguments that convolves a problem.

All get the same input, weight, bias and threads, and give [batch, out_channels, length]. What a
contestant can prepare once for many calls (its output, packed weights) it prepares beforehand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from module2_openmp_conv.config import Cell
from module2_openmp_conv.conv1d import conv1d
from module2_openmp_conv.extension import kernels

Run = Callable[[], Tensor]
TORCHS = ("torch", "torch_out", "torch_packed", "torch_shifted")


@dataclass(frozen=True)
class Problem:
    """What is convolved: stride 1, half the kernel's width of zeros on either side."""

    input: Tensor  # [batch, in_channels, length]
    weight: Tensor  # [out_channels, in_channels, kernel]
    bias: Tensor  # [out_channels]

    @property
    def padding(self) -> int:
        """Zeros on either side."""
        return self.weight.shape[2] // 2


def contestants(cell: Cell, problem: Problem) -> dict[str, Run]:
    """Everyone who can take part in this cell, by name."""
    runs = {
        "torch": _torch(problem),
        "torch_out": _torch_out(problem),
        "crossscale": _crossscale(problem),
        "crossscale_out": _crossscale_out(problem),
        "taps_loop": _kernel(problem, kernels.forward_taps_loop),
        "naive": _kernel(problem, kernels.forward_naive),
    }
    if torch.backends.mkldnn.is_available():
        runs["torch_packed"] = _torch_packed(problem)
    if cell.in_channels == cell.out_channels == 1:
        runs["torch_shifted"] = _torch_shifted(problem)
    return runs


def _torch(p: Problem) -> Run:
    return lambda: torch.nn.functional.conv1d(p.input, p.weight, p.bias, padding=p.padding)


def _torch_out(p: Problem) -> Run:
    """Torch with its output allocated beforehand; torch 2.13 still copies into it."""
    out = torch.empty(len(p.input), len(p.weight), p.input.shape[2])
    arguments = (p.input, p.weight, p.bias, [1], [p.padding], [1], False, [0], 1)
    return lambda: torch.ops.aten.convolution.out(*arguments, out=out)


def _torch_packed(p: Problem) -> Run:
    """Torch as its compiler calls oneDNN: weights in oneDNN's own layout (private operators)."""
    batch, in_channels, length = p.input.shape
    image, padding = p.input.unsqueeze(2), [0, p.padding]
    packed = torch.ops.mkldnn._reorder_convolution_weight(
        p.weight.unsqueeze(2), padding, [1, 1], [1, 1], 1, [batch, in_channels, 1, length]
    )
    arguments: tuple[Any, ...] = (image, packed, p.bias, padding, [1, 1], [1, 1], 1, "none", [], "")
    return lambda: torch.ops.mkldnn._convolution_pointwise(*arguments).squeeze(2)


def _torch_shifted(p: Problem) -> Run:
    """One channel to one, as a torch user can write it: a multiply-add of slices for each tap."""
    length = p.input.shape[2]
    first, *others = p.weight.flatten().tolist()

    def run() -> Tensor:
        padded = torch.nn.functional.pad(p.input, (p.padding, p.padding))
        out = torch.add(p.bias, padded[..., :length], alpha=first)
        for shift, tap in enumerate(others, start=1):
            out.add_(padded[..., shift : shift + length], alpha=tap)
        return out

    return run


def _crossscale(p: Problem) -> Run:
    return lambda: conv1d(p.input, p.weight, p.bias, padding=p.padding)


def _crossscale_out(p: Problem) -> Run:
    out = torch.empty(len(p.input), len(p.weight), p.input.shape[2])
    return lambda: conv1d(p.input, p.weight, p.bias, padding=p.padding, out=out)


def _kernel(p: Problem, forward: Callable[..., int]) -> Run:
    batch, in_channels, length = p.input.shape
    geometry = kernels.Geometry(
        batch=batch,
        in_channels=in_channels,
        out_channels=len(p.weight),
        length=length,
        kernel=p.weight.shape[2],
        stride=1,
        padding_left=p.padding,
        padding_right=p.padding,
        dilation=1,
        groups=1,
    )
    addresses = (p.input.data_ptr(), p.weight.data_ptr(), p.bias.data_ptr())

    def run() -> Tensor:
        out = p.input.new_empty(batch, len(p.weight), length)
        forward(geometry, *addresses, out.data_ptr(), False, torch.get_num_threads())
        return out

    return run
