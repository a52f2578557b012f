"""A model whose learned numbers lie in one float32 vector, so that one buffer can be averaged.

Batch normalisation's running mean and variance are in the vector too, after the parameters, and are
averaged on purpose: the averaged weights are evaluated with averaged statistics (the mean of the
clients' variances; what their means differ by is not added). What is more than averaging (a
server's momentum, the delayed correction) is for parameters alone: a variance must not become
negative. Integer buffers (`num_batches_tracked`) are counters, and views of a vector of their own:
they are not averaged, every client makes the same number of steps, and `digest` covers them, so
counters that differ are found as models that differ.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from crossscale_results.errors import UserError


class FlatModel:
    """A module on its device and the vector that its parameters and float buffers are views of."""

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        """Move the module's numbers into one vector; the module is changed in place.

        Raises:
            UserError: a parameter or float buffer is not float32, or another buffer not int64.
        """
        self.module = module.to(device)
        tensors = _averaged_tensors(self.module)
        ends = np.cumsum([tensor.numel() for _, _, tensor in tensors]).tolist()
        self.spans = tuple(
            slice(end - tensor.numel(), end)
            for (_, _, tensor), end in zip(tensors, ends, strict=True)
        )
        self.parameters_count = sum(
            tensor.numel() for _, _, tensor in tensors if isinstance(tensor, nn.Parameter)
        )
        self.variances = tuple(
            span
            for (_, name, _), span in zip(tensors, self.spans, strict=True)
            if name == "running_var"
        )
        self.vector = torch.empty(ends[-1], dtype=torch.float32, device=device)
        for (owner, name, tensor), span in zip(tensors, self.spans, strict=True):
            view = self.vector[span].view_as(tensor)
            view.copy_(tensor.detach())
            if isinstance(tensor, nn.Parameter):
                tensor.data = view
            else:
                owner._buffers[name] = view
        self._counters = _flat_counters(self.module, device)

    def digest(self) -> str:
        """Names the model's contents, to the bit."""
        digest = hashlib.sha256(self.vector.cpu().numpy().tobytes())
        digest.update(self._counters.cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def host_vector(self) -> npt.NDArray[np.float32]:
        """A copy of the vector in host memory."""
        copy: npt.NDArray[np.float32] = self.vector.detach().cpu().numpy().copy()
        return copy

    def counters(self) -> list[int]:
        """What the integer buffers hold."""
        counters: list[int] = self._counters.tolist()
        return counters

    def set_counters(self, counters: Sequence[int]) -> None:
        """Fill the integer buffers with what `counters` gave."""
        self._counters.copy_(torch.tensor(counters, dtype=torch.int64))


def shape_digest(module: nn.Module) -> str:
    """Names the model's structure: every tensor's name, shape and dtype."""
    lines = [f"{name} {tuple(t.shape)} {t.dtype}" for name, t in module.state_dict().items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _flat_counters(module: nn.Module, device: torch.device) -> Tensor:
    """One int64 vector that the module's integer buffers are views of from now on."""
    held = [
        (owner, name, buffer)
        for owner in module.modules()
        for name, buffer in owner._buffers.items()
        if buffer is not None and not buffer.is_floating_point()
    ]
    for owner, name, buffer in held:
        if buffer.dtype != torch.int64:
            raise UserError(
                f"{name} of {type(owner).__name__} is {buffer.dtype}: buffers that are no float32 "
                "are kept as int64 counters"
            )
    lengths = [buffer.numel() for _, _, buffer in held]
    vector = torch.empty(sum(lengths), dtype=torch.int64, device=device)
    for (owner, name, buffer), own in zip(held, vector.split(lengths), strict=True):
        owner._buffers[name] = own.view_as(buffer).copy_(buffer)
    return vector


def _averaged_tensors(module: nn.Module) -> list[tuple[nn.Module, str, Tensor]]:
    """Parameters, then float buffers, each with the submodule that holds it and its name there."""
    parameters, buffers, seen = [], [], set()
    for owner in module.modules():
        for name, parameter in owner._parameters.items():
            if parameter is not None and id(parameter) not in seen:  # tied weights count once
                seen.add(id(parameter))
                parameters.append((owner, name, parameter))
        for name, buffer in owner._buffers.items():
            if buffer is not None and buffer.is_floating_point():
                buffers.append((owner, name, buffer))
    tensors: list[tuple[nn.Module, str, Tensor]] = [*parameters, *buffers]
    for owner, name, tensor in tensors:
        if tensor.dtype != torch.float32:
            raise UserError(
                f"{name} of {type(owner).__name__} is {tensor.dtype}: models are averaged in "
                "float32, use precision bf16 for mixed arithmetic"
            )
    return tensors
