"""Who takes part in the benchmark: each is a function without arguments that solves a problem.

A new contestant is a function from a problem to contestants, and its entry in `EVERYONE`
(docs/adding.md).

All get the same tensors and threads. What a contestant can prepare once for many calls (its output,
packed weights, another layout) it prepares beforehand.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from module2_openmp_conv.contestant import Contestant
from module2_openmp_conv.conv1d import conv1d
from module2_openmp_conv.extension import kernels, use_method
from module2_openmp_conv.gradients import conv1d_input_gradient, conv1d_weight_gradient
from module2_openmp_conv.grid import PASSES, Cell
from module2_openmp_conv.peers import MAKERS, present_peers
from module2_openmp_conv.problem import Problem
from module2_openmp_conv.torch_contestants import leaves_of, step_of, torch_contestants

# Torch's own convolution in its configurations: the best of these is what speed-ups are over.
TORCHS = (
    "torch",
    "torch_out",
    "torch_packed",
    "torch_blocked",
    "torch_channels_last",
    "torch_transposed",
    "torch_compile",
    "torch_malloc",
    "torch_malloc_packed",
    "torch_malloc_blocked",
    "torch_malloc_channels_last",
    "torch_thp",
    "torch_avx2",
)
# A convolution rewritten by a torch user; told apart, since it is another program.
REWRITES = ("torch_shifted", "torch_unfold", "torch_flipped", "torch_fft")
PEERS = ("onnxruntime",)
HISTORY = ("taps_loop", "naive")
OURS = (
    "crossscale",
    "crossscale_out",
    "crossscale_fresh",
    "crossscale_direct",
    "crossscale_streamed",
    "crossscale_avx2",
    "crossscale_channels_last",
    "crossscale_channels_last_out",
)
_HISTORY_MULTIPLY_ADDS = 50_000_000  # beyond, a call of the naive loop takes a tenth of a second
_STREAMED_OUTPUTS = 4_000_000  # of 16 MB: fewer are in the caches when they are written


def contestants(problem: Problem, peers: bool = False) -> dict[str, Contestant]:
    """Everyone who can take part in this problem within this process, by name.

    Args:
        problem: what is computed.
        peers: whether torch.compile and ONNX Runtime take part where they can, too.
    """
    found: dict[str, Contestant] = {}
    for who in EVERYONE:
        found |= who(problem)
    if peers:
        found |= {name: MAKERS[name](problem) for name in present_peers(problem.cell)}
    return found


def _shape(p: Problem) -> dict[str, Any]:
    """The arguments of `conv1d` beside its tensors."""
    return {"padding": p.cell.padding, "dilation": p.cell.dilation, "groups": p.cell.groups}


def _crossscale(p: Problem) -> dict[str, Contestant]:
    cell, shape = p.cell, _shape(p)
    if cell.operation == "forward":
        out = torch.empty_like(p.gradient)

        def fresh() -> Tensor:
            """Into memory as torch allocates it, not into a dead output's."""
            into = torch.empty_like(p.gradient)
            return conv1d(p.input, p.weight, p.bias, **shape, out=into)

        return {
            "crossscale_fresh": Contestant(fresh),
            "crossscale": Contestant(lambda: conv1d(p.input, p.weight, p.bias, **shape)),
            "crossscale_out": Contestant(
                lambda: conv1d(p.input, p.weight, p.bias, **shape, out=out)
            ),
        }
    if cell.operation == "input_gradient":
        return {
            "crossscale": Contestant(
                lambda: conv1d_input_gradient(p.gradient, p.weight, cell.length, **shape)
            )
        }
    if cell.operation == "weight_gradient":
        return {
            "crossscale": Contestant(
                lambda: conv1d_weight_gradient(p.gradient, p.input, cell.kernel_width, **shape)
            )
        }
    input, weight, bias = leaves = leaves_of(p.input, p.weight, p.bias)

    def forward() -> Tensor:
        return conv1d(input, weight, bias, **shape)

    if cell.operation == "forward_with_grad":
        return {"crossscale": Contestant(forward, grad=True)}
    return {"crossscale": step_of(forward, leaves, p.gradient)}


def _direct(p: Problem) -> dict[str, Contestant]:
    """Ours from the taps, where `crossscale` multiplies spectra in any pass."""
    named = {"training_step": PASSES, "forward_with_grad": ("forward",)}
    passes = named.get(p.cell.operation, (p.cell.operation,))
    if not any(kernels.transform_of(_geometry(p.cell), one) for one in passes):
        return {}
    chosen = _crossscale(p)["crossscale"]

    def run() -> Any:
        with use_method("direct"):
            return chosen.run()

    return {"crossscale_direct": replace(chosen, run=run)}


def _channels_last(p: Problem) -> dict[str, Contestant]:
    """Ours on tensors whose channels lie beside each other, before and after."""
    cell, shape = p.cell, {**_shape(p), "channels_last": True}
    if cell.operation == "forward_with_grad" or cell.in_channels == cell.out_channels == 1:
        return {}
    name = "crossscale_channels_last"
    input, gradient = (t.mT.contiguous().mT for t in (p.input, p.gradient))
    if cell.operation == "forward":
        out = torch.empty_like(gradient)
        return {
            name: Contestant(lambda: conv1d(input, p.weight, p.bias, **shape)),
            f"{name}_out": Contestant(lambda: conv1d(input, p.weight, p.bias, **shape, out=out)),
        }
    if cell.operation == "input_gradient":
        return {
            name: Contestant(
                lambda: conv1d_input_gradient(gradient, p.weight, cell.length, **shape)
            )
        }
    if cell.operation == "weight_gradient":
        return {
            name: Contestant(
                lambda: conv1d_weight_gradient(gradient, input, cell.kernel_width, **shape)
            )
        }
    x, weight, bias = leaves = leaves_of(input, p.weight, p.bias)
    return {name: step_of(lambda: conv1d(x, weight, bias, **shape), leaves, gradient)}


def _streamed(p: Problem) -> dict[str, Contestant]:
    """Ours, written past the caches as larger outputs are."""
    if p.cell.operation != "forward" or p.gradient.numel() < _STREAMED_OUTPUTS:
        return {}
    return {"crossscale_streamed": _at_addresses(kernels.forward_streamed, p)}


def _history(p: Problem) -> dict[str, Contestant]:
    """The original paper's method and the definition, where a call takes no age."""
    cell = p.cell
    if cell.operation != "forward" or cell.multiply_adds > _HISTORY_MULTIPLY_ADDS:
        return {}
    found = {"naive": _at_addresses(kernels.forward_naive, p)}
    if cell.dilation == 1:
        found["taps_loop"] = _at_addresses(kernels.forward_taps_loop, p)
    return found


def _geometry(cell: Cell) -> kernels.Geometry:
    return kernels.Geometry(
        batch=cell.batch_size,
        in_channels=cell.in_channels,
        out_channels=cell.out_channels,
        length=cell.length,
        kernel=cell.kernel_width,
        stride=1,
        padding_left=cell.padding,
        padding_right=cell.padding,
        dilation=cell.dilation,
        groups=cell.groups,
    )


def _at_addresses(forward: Callable[..., int], p: Problem) -> Contestant:
    geometry = _geometry(p.cell)
    out = torch.empty_like(p.gradient)

    def run() -> Tensor:
        addresses = [t.data_ptr() for t in (p.input, p.weight, p.bias, out)]
        forward(geometry, *addresses, False, torch.get_num_threads())
        return out

    return Contestant(run)


# Each gives those of its kind that can take part in a problem, by name.
EVERYONE: list[Callable[[Problem], dict[str, Contestant]]] = [
    torch_contestants,
    _crossscale,
    _direct,
    _channels_last,
    _streamed,
    _history,
]
