"""Rows of an array gathered into a batch, at the speed of the memory."""

from torch import Tensor

from module2_openmp_conv.extension import kernels


def gather_rows(source: Tensor, rows: Tensor, out: Tensor) -> None:
    """Copy `source[rows[i]]` to `out[i]`, on one thread and without the GIL.

    The rows after the one that is copied are read ahead: see csrc/gather.cpp.

    Args:
        source: any dtype, [n, ...], contiguous.
        rows: int64 [m], each below n.
        out: the source's dtype, [m, ...], contiguous; does not overlap the source.

    Raises:
        IndexError: a row is none of the source's; `out` is then untouched.
        TypeError: a tensor is of a wrong dtype, or not dense on the CPU.
        ValueError: a shape does not fit, or a tensor is not contiguous.
        KernelsError: the kernels are not built.
    """
    kernels.gather_rows(source, rows, out)
