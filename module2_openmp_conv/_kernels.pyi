from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

class Geometry:
    def __init__(
        self,
        *,
        batch: int,
        in_channels: int,
        out_channels: int,
        length: int,
        kernel: int,
        stride: int,
        padding_left: int,
        padding_right: int,
        dilation: int,
        groups: int,
    ) -> None: ...
    @property
    def out_length(self) -> int: ...
    @property
    def multiply_adds(self) -> int: ...

def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding_left: int,
    padding_right: int,
    dilation: int,
    groups: int,
    relu: bool,
    channels_last: bool,
    out: Tensor | None,
    /,
) -> Tensor: ...
def conv1d_input_gradient(
    gradient: Tensor,
    weight: Tensor,
    input_length: int,
    stride: int,
    padding_left: int,
    padding_right: int,
    dilation: int,
    groups: int,
    channels_last: bool,
    /,
) -> Tensor: ...
def conv1d_weight_gradient(
    gradient: Tensor,
    input: Tensor,
    kernel_width: int,
    stride: int,
    padding_left: int,
    padding_right: int,
    dilation: int,
    groups: int,
    channels_last: bool,
    /,
) -> Tensor: ...
def gather_rows(source: Tensor, rows: Tensor, out: Tensor, /) -> None: ...

class RowFiller:
    def __init__(
        self, arrays: Sequence[tuple[Tensor, Sequence[Tensor]]], rows: Tensor, /
    ) -> None: ...
    def next(self) -> tuple[int, int, float, float] | None: ...
    def release(self) -> None: ...
    def close(self) -> None: ...

class _Forward(Protocol):
    def __call__(
        self,
        geometry: Geometry,
        input: int,
        weight: int,
        bias: int,
        out: int,
        relu: bool,
        num_threads: int,
    ) -> int: ...

forward: _Forward
forward_streamed: _Forward
forward_taps_loop: _Forward
forward_naive: _Forward

def known_isas() -> list[str]: ...
def supported_isas() -> list[str]: ...
def isa() -> str: ...
def use_isa(name: str) -> None: ...
def known_methods() -> list[str]: ...
def method() -> str: ...
def use_method(name: str) -> None: ...
def transform_of(geometry: Geometry, operation: str) -> int: ...
def openmp_library() -> str: ...
def threads_worth_calling(work: int, num_threads: int) -> int: ...
def summing_team_size(threads: int, sums_floats: int) -> int: ...
def call_teams_always(always: bool) -> None: ...
def kept_output_bytes() -> int: ...
def peak_gflop_per_s(isa: str, num_threads: int, least_s: float) -> float: ...
def stream_gb_per_s(
    probe: str, array_bytes: int, num_threads: int, repeats: int
) -> list[float]: ...
