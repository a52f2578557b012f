"""The benchmark's grid: named slices, in each of which one thing varies around a few layers."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

LENGTH = 500  # samples of a window

Operation = Literal[
    "forward", "forward_with_grad", "input_gradient", "weight_gradient", "training_step"
]
Cache = Literal["warm", "cold"]
GRADIENTS: tuple[Operation, ...] = ("input_gradient", "weight_gradient")
PASSES: tuple[Operation, ...] = ("forward", *GRADIENTS)  # of a training step


@dataclass(frozen=True)
class Cell:
    """One convolution of the grid: stride 1, an odd kernel, output as long as the input."""

    batch_size: int
    in_channels: int
    out_channels: int
    kernel_width: int
    length: int = LENGTH
    dilation: int = 1
    groups: int = 1
    operation: Operation = "forward"
    cache: Cache = "warm"
    threads: int | None = None  # as many as the bench is given

    def __post_init__(self) -> None:
        """Raises ValueError for an even kernel, whose output would be one shorter."""
        if self.kernel_width % 2 == 0:
            raise ValueError(f"kernel_width is {self.kernel_width}: it must be odd")

    @property
    def padding(self) -> int:
        """Zeros on either side."""
        return self.dilation * (self.kernel_width - 1) // 2

    @property
    def weight_shape(self) -> tuple[int, int, int]:
        """[out_channels, in_channels / groups, kernel]."""
        return self.out_channels, self.in_channels // self.groups, self.kernel_width

    @property
    def multiply_adds(self) -> int:
        """Of one pass, taps on padding included; a training step has three passes."""
        out_channels, group_channels, width = self.weight_shape
        passes = 3 if self.operation == "training_step" else 1
        return passes * self.batch_size * self.length * out_channels * group_channels * width

    @property
    def moved_bytes(self) -> int:
        """Of the tensors that the operation has to read or write, each once."""
        in_values = self.batch_size * self.in_channels * self.length
        out_values = self.batch_size * self.out_channels * self.length
        out_channels, group_channels, width = self.weight_shape
        weights = out_channels * group_channels * width
        once = in_values + out_values + weights
        if self.operation in GRADIENTS:
            return 4 * once
        # A training step also has the gradient of everything.
        return 4 * (once + out_channels) * (2 if self.operation == "training_step" else 1)


@dataclass(frozen=True)
class Layer:
    """Channels and groups that slices are made around."""

    in_channels: int
    out_channels: int
    groups: int = 1

    def cell(self, width: int, operation: Operation = "forward", batch_size: int = 64) -> Cell:
        """The layer with that kernel."""
        return Cell(
            batch_size,
            self.in_channels,
            self.out_channels,
            width,
            groups=self.groups,
            operation=operation,
        )


LAYERS = (
    Layer(1, 16),
    Layer(16, 16),
    Layer(16, 32),
    Layer(32, 64),
    Layer(64, 64),
    Layer(64, 64, groups=64),
)
WIDTHS = (3, 5, 7, 15, 31)
_WITH_STEP: tuple[Operation, ...] = (*PASSES, "training_step")
_FIRST, _SECOND = Layer(1, 16).cell(7), Layer(16, 16).cell(5)  # TinyECG's layers

# One channel to one: the paper's grid.
PAPER = tuple(
    Layer(1, 1).cell(width, batch_size=batch)
    for batch, width in product((64, 128, 256, 512), (3, 5, 7))
)
CHANNELS_BY_WIDTH = tuple(
    layer.cell(width, operation) for operation, layer, width in product(PASSES, LAYERS, WIDTHS)
)
TINYECG = tuple(
    replace(layer, operation=operation)
    for layer, operation in product((_FIRST, _SECOND), _WITH_STEP)
)
TRAINING = tuple(layer.cell(7, "training_step") for layer in (Layer(1, 1), *LAYERS))
_VARIED = (_FIRST, *(replace(_SECOND, operation=operation) for operation in _WITH_STEP))
BATCH = tuple(replace(cell, batch_size=batch) for cell, batch in product(_VARIED, (1, 8, 64, 512)))
LENGTHS = tuple(replace(cell, length=length) for cell, length in product(_VARIED, (180, 500, 3600)))
DILATION = tuple(replace(cell, dilation=by) for cell, by in product(_VARIED, (1, 2, 4)))
_SCALED = (Layer(1, 1).cell(5, batch_size=256), _FIRST, _SECOND, Layer(64, 64).cell(7))
COLD = tuple(replace(cell, cache="cold") for cell in _SCALED)
# So little work that the time is the call's own.
OVERHEAD = tuple(
    Cell(1, 1, 1, 3, length=8, operation=operation)
    for operation in ("forward", "forward_with_grad", "training_step")
)
# Outputs of 16 and 66 MB, whose memory costs more than the arithmetic.
OUTPUTS = tuple(replace(_FIRST, batch_size=batch) for batch in (512, 2048))
LATENCY = tuple(replace(cell, batch_size=1) for cell in (_FIRST, _SECOND))

SLICES = {
    "paper": PAPER,
    "channels": CHANNELS_BY_WIDTH,
    "tinyecg": TINYECG,
    "training": TRAINING,
    "batch": BATCH,
    "length": LENGTHS,
    "dilation": DILATION,
    "threads": _SCALED,  # at each number of threads, see `cells_of`
    "cold": COLD,
    "outputs": OUTPUTS,
    "overhead": OVERHEAD,
    "latency": LATENCY,
}


def cells_of(slices: tuple[str, ...], threads: int) -> tuple[Cell, ...]:
    """The cells of those slices, each once, with their number of threads filled in.

    Args:
        slices: keys of SLICES.
        threads: as many as there may be.
    """
    return tuple(
        dict.fromkeys(
            replace(cell, threads=cell.threads or count)
            for name in slices
            for cell in SLICES[name]
            for count in (thread_counts(threads) if name == "threads" else (threads,))
        )
    )


def thread_counts(threads: int) -> tuple[int, ...]:
    """1, 2, 4 … and `threads` itself."""
    powers = [2**power for power in range(threads.bit_length()) if 2**power < threads]
    return (*powers, threads)
