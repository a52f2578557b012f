"""`conv1d`: torch.nn.functional.conv1d in float32 on the CPU, by this suite's kernels."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from module2_openmp_conv.extension import kernels
from module2_openmp_conv.plan import Plan, plan_of, single

_NO_BIAS = 0  # the address that stands for no bias


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    relu: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """Convolve as torch.nn.functional.conv1d does, on torch.get_num_threads() threads.

    The forward pass runs in this suite's kernels (stride 1 in the tiled one), the backward pass in
    torch's own. Each output is summed in a fixed order: its bits do not depend on the threads.

    Args:
        input: float32 [batch, in_channels, length] or [in_channels, length], on the CPU; made
            contiguous first if it is not.
        weight: float32 [out_channels, in_channels / groups, kernel].
        bias: float32 [out_channels].
        stride: positions between two outputs.
        padding: zeros on either side, or `same` or `valid`.
        dilation: positions between two taps.
        groups: groups that input and output channels fall into.
        relu: take max(0, y) in the same pass.
        out: a contiguous float32 tensor of the output's shape to write to, apart from the others
            in memory; not for tensors that need a gradient.

    Raises:
        TypeError: a tensor is not of dtype float32, or not dense on the CPU.
        RuntimeError: torch's own, where torch's conv1d would refuse; or `out` cannot be used.
        KernelsError: the kernels are not built.
    """
    for name, tensor in (("input", input), ("weight", weight), ("bias", bias), ("out", out)):
        if tensor is not None:
            _check_dense_float32(name, tensor)
    batched = input if input.dim() == 3 else input.unsqueeze(0)
    try:
        plan = plan_of(
            batched.shape,
            weight.shape,
            None if bias is None else bias.shape,
            single(stride),
            padding if isinstance(padding, str) else single(padding),
            single(dilation),
            single(groups),
        )
    except ValueError as error:
        return _as_torch_would(
            error, input, weight, bias, stride, padding, dilation, groups, relu=relu, out=out
        )
    if torch.is_grad_enabled() and _any_requires_grad(input, weight, bias, out):
        if out is not None:
            raise RuntimeError("conv1d: out= cannot be used where a tensor requires grad")
        result: Tensor = _DifferentiableConv1d.apply(batched, weight, bias, plan, relu)
    else:
        into = out if out is None or input.dim() == 3 else out.unsqueeze(0)
        result = _forward(batched, weight, bias, plan, relu, into)
    if out is not None:
        return out
    return result if input.dim() == 3 else result.squeeze(0)


def _forward(
    input: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan, relu: bool, out: Tensor | None
) -> Tensor:
    input, weight = _readable(input), _readable(weight)
    bias = None if bias is None else _readable(bias)
    if out is None:
        out = input.new_empty(plan.out_shape)
    else:
        _check_out(out, plan, [input, weight] if bias is None else [input, weight, bias])
    kernels.forward(
        plan.geometry,
        input.data_ptr(),
        weight.data_ptr(),
        _NO_BIAS if bias is None else bias.data_ptr(),
        out.data_ptr(),
        relu,
        torch.get_num_threads(),
    )
    return out


class _DifferentiableConv1d(torch.autograd.Function):
    """Our forward pass, torch's backward pass (so far)."""

    @staticmethod
    def forward(
        ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None, plan: Plan, relu: bool
    ) -> Tensor:
        out = _forward(input, weight, bias, plan, relu, None)
        ctx.plan = plan
        ctx.has_bias = bias is not None
        ctx.save_for_backward(input, weight, out if relu else None)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        input, weight, rectified = ctx.saved_tensors
        plan: Plan = ctx.plan
        left, right = plan.padding
        if rectified is not None:
            gradient = torch.ops.aten.threshold_backward(gradient, rectified, 0)
        # torch pads both sides alike: `same` with an even kernel has one zero more on the right.
        padded = input if left == right else torch.nn.functional.pad(input, (0, right - left))
        of_input, of_weight, of_bias = torch.ops.aten.convolution_backward(
            gradient,
            padded,
            weight,
            [weight.shape[0]] if ctx.has_bias else None,
            [plan.stride],
            [left],
            [plan.dilation],
            False,
            [0],
            plan.groups,
            [ctx.needs_input_grad[0], ctx.needs_input_grad[1], ctx.needs_input_grad[2]],
        )
        if of_input is not None:
            of_input = of_input.narrow(2, 0, input.shape[2])
        return of_input, of_weight, of_bias, None, None


def _as_torch_would(error: ValueError, *arguments: Any, relu: bool, out: Tensor | None) -> Tensor:
    """Torch's own error for what our kernels refuse; its answer where it has one (no channels)."""
    result: Tensor = torch.nn.functional.conv1d(*arguments)
    if out is not None:
        raise error
    return result.relu() if relu else result


def _check_dense_float32(name: str, tensor: Tensor) -> None:
    if tensor.dtype != torch.float32 or not tensor.is_cpu or tensor.layout != torch.strided:
        layout = "" if tensor.layout == torch.strided else f" ({tensor.layout})"
        raise TypeError(
            f"conv1d: {name} is {tensor.dtype} on {tensor.device}{layout}, but only dense "
            "torch.float32 on the CPU can be convolved here"
        )


def _check_out(out: Tensor, plan: Plan, others: list[Tensor]) -> None:
    if tuple(out.shape) != plan.out_shape:
        raise RuntimeError(
            f"conv1d: out has the shape {list(out.shape)}, not {list(plan.out_shape)} "
            "(without its first number where input is not batched)"
        )
    if not out.is_contiguous() or out.is_neg():
        raise RuntimeError("conv1d: out must be contiguous")
    begin, end = out.data_ptr(), out.data_ptr() + out.nbytes
    if any(t.data_ptr() < end and begin < t.data_ptr() + t.nbytes for t in others):
        raise RuntimeError("conv1d: out shares memory with input, weight or bias")
    if not out.is_inference():
        torch.autograd.graph.increment_version(out)  # autograd must see that it was written


def _readable(tensor: Tensor) -> Tensor:
    return tensor.resolve_neg().contiguous()


def _any_requires_grad(*tensors: Tensor | None) -> bool:
    return any(tensor is not None and tensor.requires_grad for tensor in tensors)
