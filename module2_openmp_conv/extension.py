"""The compiled kernels, or, where they cannot be used, one clear error at the first call."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from crossscale_results import UserError
from module2_openmp_conv.fake import register_fakes

ISA_VARIABLE = "CROSSSCALE_CONV_ISA"


class KernelsError(UserError):
    """The compiled kernels are not there, or not in the way that was asked for."""


class _Unusable:
    """Stands in for the kernels; every use tells why they cannot be used."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> NoReturn:
        raise KernelsError(self._reason)


def _load() -> Any:
    try:
        from module2_openmp_conv._built_for import TORCH
    except ImportError:
        TORCH = None
    if TORCH not in (None, torch.__version__):
        return _Unusable(
            f"the kernels of module2_openmp_conv were built for torch {TORCH}, and "
            f"torch {torch.__version__} is installed: run `pip install -e .` in the checkout again"
        )
    try:
        from module2_openmp_conv import _kernels
    except (ImportError, OSError) as error:
        return _Unusable(
            f"the kernels of module2_openmp_conv are not built ({error}): "
            "run `pip install -e .` in the checkout"
        )
    register_fakes()
    if wanted := os.environ.get(ISA_VARIABLE):
        try:
            _kernels.use_isa(wanted)
        except ValueError as error:
            return _Unusable(f"{ISA_VARIABLE}={wanted} cannot be used: {error}")
    return _kernels


if TYPE_CHECKING:
    from module2_openmp_conv import _kernels as kernels
else:
    kernels = _load()


def isa() -> str:
    """The instruction set of the kernels in use: `portable`, `avx2` or `avx512`.

    It is the most capable that this machine supports, unless `CROSSSCALE_CONV_ISA` names another.
    """
    return kernels.isa()


def supported_isas() -> tuple[str, ...]:
    """The instruction sets that this machine supports, the most capable last."""
    return tuple(kernels.supported_isas())


@contextmanager
def use_isa(name: str) -> Iterator[None]:
    """Use the kernels of another instruction set inside a `with` block, in all threads.

    Raises:
        KernelsError: the name is unknown, or this machine does not support it.
    """
    before = kernels.isa()
    try:
        kernels.use_isa(name)
    except ValueError as error:
        raise KernelsError(str(error)) from error
    try:
        yield
    finally:
        kernels.use_isa(before)
