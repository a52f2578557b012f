"""Module 2: is the suite's own 1-D convolution faster than PyTorch's on a CPU, and as exact?

`conv1d` and `Conv1d` stand in for torch's; `replace_conv1d` swaps a model's layers.
`python -m module2_openmp_conv.bench` and `python -m module2_openmp_conv.train` measure.
"""

from module2_openmp_conv.conv1d import conv1d
from module2_openmp_conv.extension import KernelsError, isa, supported_isas, use_isa
from module2_openmp_conv.layer import Conv1d, replace_conv1d

__all__ = [
    "Conv1d",
    "KernelsError",
    "conv1d",
    "isa",
    "replace_conv1d",
    "supported_isas",
    "use_isa",
]
