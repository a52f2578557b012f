"""`Conv1d`: torch.nn.Conv1d with this suite's forward pass, and how to put it into a model."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from module2_openmp_conv.conv1d import conv1d


class Conv1d(nn.Conv1d):
    """A layer with the arguments, parameters and state dict of torch.nn.Conv1d.

    Raises:
        ValueError: a padding mode other than `zeros`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: int | tuple[int] | Literal["same", "valid"] = 0,
        dilation: int | tuple[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f"Conv1d pads with zeros only, not by padding_mode={padding_mode!r}")
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor) -> Tensor:
        """Convolve [batch, in_channels, length] or [in_channels, length], see `conv1d`."""
        return self.convolve(input)

    def convolve(self, input: Tensor, *, relu: bool = False, channels_last: bool = False) -> Tensor:
        """The same, followed by ReLU if asked for, in either order of memory: see `conv1d`."""
        return conv1d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            relu=relu,
            channels_last=channels_last,
        )


def replace_conv1d(model: nn.Module) -> nn.Module:
    """Swap every torch.nn.Conv1d in the model for ours, in place; parameters stay the same objects.

    Layers that pad otherwise than with zeros, are of a subclass, or whose weight or bias is made
    anew in each call (torch.nn.utils.weight_norm, spectral_norm, prune, parametrizations) stay as
    they are. Hooks of a swapped layer are not taken over.

    Returns:
        The model; if it is itself a torch.nn.Conv1d, its replacement.
    """
    return swap_modules(model, _can_be_swapped, _twin)


def swap_modules(
    model: nn.Module,
    wanted: Callable[[nn.Module], bool],
    twin: Callable[[nn.Module], nn.Module],
) -> nn.Module:
    """Put twins in the place of the modules that are wanted; the model, or its own twin.

    Children come first: a twin takes over those that its module has by then.
    """
    seen: dict[nn.Module, nn.Module] = {}  # a module that is used twice stays one

    def swapped(module: nn.Module) -> nn.Module:
        if module not in seen:
            for name, child in list(module._modules.items()):
                if child is not None and (other := swapped(child)) is not child:
                    setattr(module, name, other)
            seen[module] = twin(module) if wanted(module) else module
        return seen[module]

    return swapped(model)


def _can_be_swapped(layer: nn.Module) -> bool:
    return (
        type(layer) is nn.Conv1d
        and layer.padding_mode == "zeros"
        and {"weight", "bias"} <= layer._parameters.keys()  # a bias that is not there has its place
    )


def _twin(layer: nn.Module) -> Conv1d:
    assert isinstance(layer, nn.Conv1d)
    with torch.device("meta"):  # no memory and no random numbers for weights that are thrown away
        twin = Conv1d(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,  # type: ignore[arg-type]
            layer.stride,  # type: ignore[arg-type]
            layer.padding,  # type: ignore[arg-type]
            layer.dilation,  # type: ignore[arg-type]
            layer.groups,
            layer.bias is not None,
        )
    twin.weight, twin.bias = layer.weight, layer.bias
    return twin.train(layer.training)
