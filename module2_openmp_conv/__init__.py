"""Module 2: is the suite's own 1-D convolution faster than PyTorch's on a CPU, and as exact?

`conv1d` and `Conv1d` stand in for torch's; `replace_conv1d` swaps a model's layers, `fuse_blocks`
also runs what follows them in the same passes.
`python -m module2_openmp_conv.bench` and `python -m module2_openmp_conv.train` measure.
"""

import crossscale_results  # noqa: F401 - which answers Ctrl-C, before all that loads slowly

# isort: split

from module2_openmp_conv.blocks import FusedSequential, fuse_blocks
from module2_openmp_conv.conv1d import conv1d
from module2_openmp_conv.extension import (
    KernelsError,
    isa,
    method,
    supported_isas,
    use_isa,
    use_method,
)
from module2_openmp_conv.gather import gather_rows
from module2_openmp_conv.gradients import conv1d_input_gradient, conv1d_weight_gradient
from module2_openmp_conv.layer import Conv1d, replace_conv1d
from module2_openmp_conv.row_filler import RowFiller

__all__ = [
    "Conv1d",
    "FusedSequential",
    "KernelsError",
    "RowFiller",
    "conv1d",
    "conv1d_input_gradient",
    "conv1d_weight_gradient",
    "fuse_blocks",
    "gather_rows",
    "isa",
    "method",
    "replace_conv1d",
    "supported_isas",
    "use_isa",
    "use_method",
]
