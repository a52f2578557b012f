"""Polls inside a local step: MPI is called after every layer, forwards and backwards.

A step of a large model takes longer than the network needs to empty a socket's buffers, and from
then on MPI stands still until it is called again. The hooks change no number. They are for the CPU,
where the whole step runs in the calling thread; kernels of an accelerator are only queued by it, so
that its step loop comes round often enough.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

STEP_BYTES = 256 * 1024  # that may be left to a step: about what a socket's buffers hold


def needs_layer_polls(payload_bytes: int, local_steps: int, device_type: str) -> bool:
    """Whether more bytes are to be moved for each local step than go without a call of MPI."""
    return device_type == "cpu" and payload_bytes > local_steps * STEP_BYTES


@contextmanager
def polled_layers(module: nn.Module, poll: Callable[[], None]) -> Iterator[None]:
    """Call `poll` after each layer's forward, and once each parameter's gradient is there."""

    def after(*_: Any) -> None:
        poll()

    layers = [layer for layer in module.modules() if next(layer.children(), None) is None]
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    handles = [layer.register_forward_hook(after) for layer in layers]
    handles += [own.register_post_accumulate_grad_hook(after) for own in parameters]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
