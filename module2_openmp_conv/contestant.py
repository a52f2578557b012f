"""What a contestant is: something to call, and how its result is read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Run = Callable[[], Any]


def dense(result: Any) -> tuple[Tensor, ...]:
    """A result as plain float32 tensors of three dimensions (or one), whatever its layout."""
    tensors = result if isinstance(result, tuple) else (result,)
    plain = [t.to_dense() if t.is_mkldnn else t for t in tensors]
    return tuple(t.squeeze(2) if t.dim() == 4 else t for t in plain)


@dataclass(frozen=True)
class Contestant:
    """One way to solve a problem."""

    run: Run  # what is timed
    grad: bool = False  # whether autograd records; else inference mode
    read: Callable[[Any], tuple[Tensor, ...]] = dense
    pool: str = "openmp"  # whose threads it runs on

    def result(self) -> tuple[Tensor, ...]:
        """One call's result, untimed."""
        with torch.inference_mode(not self.grad):
            return tuple(t.detach() for t in self.read(self.run()))
