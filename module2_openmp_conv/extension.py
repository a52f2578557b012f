"""The compiled kernels, or, where they cannot be used, one clear error at the first call."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from crossscale_results import UserError
from module2_openmp_conv.fake import register_fakes

ISA_VARIABLE = "CROSSSCALE_CONV_ISA"
METHOD_VARIABLE = "CROSSSCALE_CONV_METHOD"


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
    choices = {ISA_VARIABLE: _kernels.use_isa, METHOD_VARIABLE: _kernels.use_method}
    for variable, use in choices.items():
        if wanted := os.environ.get(variable):
            try:
                use(wanted)
            except ValueError as error:
                return _Unusable(f"{variable}={wanted} cannot be used: {error}")
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


def use_isa(name: str) -> AbstractContextManager[None]:
    """Use the kernels of another instruction set inside a `with` block, in all threads.

    Raises:
        KernelsError: the name is unknown, or this machine does not support it.
    """
    return _using(kernels.isa, kernels.use_isa, name)


def method() -> str:
    """How convolutions are computed: `auto`, `direct` or `fft`.

    `direct` multiplies by the taps, `fft` multiplies spectra wherever that can be done, and `auto`,
    which holds unless `CROSSSCALE_CONV_METHOD` names another, takes the faster one by the sizes.
    Taps round in proportion to the values that they meet, a product of spectra to the largest of
    the 16 to 128 positions that are transformed together; a sample in which an output would lose
    more than 8 of its 24 bits by that is computed from the taps.
    """
    return str(kernels.method())


def use_method(name: str) -> AbstractContextManager[None]:
    """Compute convolutions that way inside a `with` block, in all threads: see `method`.

    Raises:
        KernelsError: the name is unknown.
    """
    return _using(kernels.method, kernels.use_method, name)


@contextmanager
def _using(current: Callable[[], str], use: Callable[[str], None], name: str) -> Iterator[None]:
    before = current()
    try:
        use(name)
    except ValueError as error:
        raise KernelsError(str(error)) from error
    try:
        yield
    finally:
        use(before)
