"""What a convolution of given shapes amounts to, worked out once for each set of shapes."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from module2_openmp_conv.extension import kernels


@dataclass(frozen=True, slots=True)
class Plan:
    """A convolution that exists."""

    geometry: "kernels.Geometry"
    out_shape: tuple[int, int, int]
    stride: int
    padding: tuple[int, int]  # left, right
    dilation: int
    groups: int


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


@lru_cache(maxsize=1024)
def plan_of(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    bias_shape: Sequence[int] | None,
    stride: int,
    padding: int | str,
    dilation: int,
    groups: int,
) -> Plan:
    """Check the shapes against each other and work out the rest.

    Raises:
        ValueError: there is no such convolution.
    """
    if len(input_shape) != 3 or len(weight_shape) != 3:
        raise ValueError("input and weight must have three dimensions")
    batch, in_channels, length = input_shape
    out_channels, group_channels, kernel = weight_shape
    if in_channels != group_channels * groups:
        raise ValueError(f"weight takes {group_channels} × {groups} channels, not {in_channels}")
    if bias_shape is not None and tuple(bias_shape) != (out_channels,):
        raise ValueError(f"bias must have the shape [{out_channels}], not {list(bias_shape)}")
    left, right = _both_sides(padding, stride, dilation * (kernel - 1))
    geometry = kernels.Geometry(
        batch=batch,
        in_channels=in_channels,
        out_channels=out_channels,
        length=length,
        kernel=kernel,
        stride=stride,
        padding_left=left,
        padding_right=right,
        dilation=dilation,
        groups=groups,
    )
    out_shape = (batch, out_channels, geometry.out_length)
    return Plan(geometry, out_shape, stride, (left, right), dilation, groups)


def _both_sides(padding: int | str, stride: int, needed: int) -> tuple[int, int]:
    if isinstance(padding, int):
        return padding, padding
    if padding == "valid":
        return 0, 0
    if padding == "same" and stride == 1:
        return needed // 2, needed - needed // 2
    raise ValueError(f"padding={padding!r} with stride {stride} is not possible")
