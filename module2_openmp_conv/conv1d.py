"""`conv1d`: torch.nn.functional.conv1d in float32 on the CPU, by this suite's kernels."""

import operator
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.compiler import is_compiling

from module2_openmp_conv.extension import kernels

Padding = int | Sequence[int] | str


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    relu: bool = False,
    channels_last: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """Convolve as torch.nn.functional.conv1d does, on torch.get_num_threads() threads.

    Each output is summed in a fixed order: its bits do not depend on the threads. The gradients of
    weight and bias are the same bits each time for one number of threads. Under autocast it stays
    in float32.

    Args:
        input: float32 [batch, in_channels, length] or [in_channels, length], on the CPU; laid
            out anew first if its memory is not in the order that `channels_last` tells.
        weight: float32 [out_channels, in_channels / groups, kernel].
        bias: float32 [out_channels].
        stride: positions between two outputs.
        padding: zeros on either side, or two numbers, on the left and on the right; `valid`: none;
            `same` (stride 1): as many outputs as inputs; `causal`: dilation · (kernel − 1) zeros
            on the left, so that no output sees later inputs. None of them copies the input.
        dilation: positions between two taps.
        groups: groups that input and output channels fall into.
        relu: take max(0, y) in the same pass.
        channels_last: read and write memory in the order [batch, length, channels], an
            interleaved recording's; shapes stay the same (`x.mT` of a contiguous x). Faster where
            several layers or the data are in it: outputs are whole cache lines.
        out: a float32 tensor of the output's shape to write to, contiguous or with its channels
            last, apart from the others in memory; not for tensors that need a gradient.

    Raises:
        TypeError: a tensor is not of dtype float32, or not dense on the CPU.
        RuntimeError: torch's own, where torch's conv1d would refuse; or `out` cannot be used.
        KernelsError: the kernels are not built.
    """
    is_batched = input.dim() == 3
    batched = input if is_batched else input.unsqueeze(0)
    try:
        # Numbers are taken as such at once: a small convolution is as quick as these lines.
        step = stride if type(stride) is int else single(stride)
        spread = dilation if type(dilation) is int else single(dilation)
        if type(padding) is int:
            left = right = padding
        else:
            left, right = both_sides(padding, step, spread * (weight.shape[-1] - 1))
        arguments = (batched, weight, bias, step, left, right, spread, groups, relu, channels_last)
        into = out if out is None or is_batched else out.unsqueeze(0)
        if not is_compiling():
            result = kernels.conv1d(*arguments, into)
        elif into is None:
            result = torch.ops.crossscale.conv1d.default(*arguments)
        else:
            torch.ops.crossscale.conv1d.out(*arguments, out=into)
    except (ValueError, IndexError) as error:
        return _as_torch_would(
            error, input, weight, bias, stride, padding, dilation, groups, relu=relu, out=out
        )
    if out is not None:
        return out
    return result if is_batched else result.squeeze(0)


def single(value: int | Sequence[int]) -> int:
    """The number, given as such or as a sequence of one.

    Raises:
        ValueError: a sequence of another length.
        TypeError: not an integer.
    """
    if type(value) is int:
        return value
    if isinstance(value, Sequence):
        if len(value) != 1:
            raise ValueError(f"{value} must hold one number: there is one dimension")
        return operator.index(value[0])
    return operator.index(value)


def both_sides(padding: Padding, stride: int, reach: int) -> tuple[int, int]:
    """Zeros on the left and on the right.

    Args:
        padding: as `conv1d` takes it.
        stride: positions between two outputs.
        reach: positions between the first tap and the last.

    Raises:
        ValueError: there is no such padding.
    """
    if isinstance(padding, int):
        return padding, padding
    if isinstance(padding, str):
        if padding == "valid":
            return 0, 0
        if padding == "causal":
            return reach, 0
        if padding == "same" and stride == 1:
            return reach // 2, reach - reach // 2
        raise ValueError(f"padding={padding!r} with stride {stride} is not possible")
    if len(padding) == 2:
        return single(padding[0]), single(padding[1])
    both = single(padding)
    return both, both


def _as_torch_would(
    error: Exception,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int],
    groups: int,
    *,
    relu: bool,
    out: Tensor | None,
) -> Tensor:
    """Torch's own error for what our kernels refuse; its answer where it has one (no channels)."""
    if padding == "causal" or (not isinstance(padding, int | str) and len(padding) == 2):
        raise RuntimeError(str(error)) from error  # torch knows no such padding
    result = torch.nn.functional.conv1d(
        input,
        weight,
        bias,
        stride,
        padding,
        dilation,
        groups,
    )
    if out is not None:
        raise RuntimeError(str(error)) from error
    return result.relu() if relu else result
