"""Convolution, batch normalisation, ReLU and pooling in fewer passes, to infer and to train."""

import torch
from torch import Tensor, nn

from module2_openmp_conv.layer import Conv1d, replace_conv1d, swap_modules


def fuse_blocks(model: nn.Module) -> nn.Module:
    """Let the model's convolution blocks run fused, in place; parameters and state dict stay.

    Every torch.nn.Conv1d that `replace_conv1d` swaps becomes this suite's, and every
    torch.nn.Sequential runs as a `FusedSequential`, those within others, too. Hooks of a layer that
    runs fused are not called.

    Returns:
        The model; if it is itself swapped, its replacement.
    """
    return swap_modules(replace_conv1d(model), lambda child: type(child) is nn.Sequential, _fused)


def _fused(layers: nn.Module) -> "FusedSequential":
    assert isinstance(layers, nn.Sequential)
    twin = FusedSequential().train(layers.training)
    twin._modules.update(layers._modules)  # their names, too, and one that is there twice
    return twin


class FusedSequential(nn.Sequential):
    """A torch.nn.Sequential that runs its convolution blocks fused.

    A block is Conv1d (with bias or without), then BatchNorm1d, then ReLU, then, if there is one,
    MaxPool1d(2), or AdaptiveAvgPool1d to a length that divides the row; or Conv1d and ReLU. What is
    no block, or in two containers, runs layer by layer. Blocks with normalisation cannot be
    differentiated twice.
    """

    def forward(self, input: Tensor) -> Tensor:
        """What torch.nn.Sequential gives, up to rounding."""
        layers = list(self)
        while layers:
            head, *tail = layers
            if isinstance(head, Conv1d):
                input, used = _run_block(input, head, tail)
                layers = layers[used:]
            else:
                input, layers = head(input), tail
        return input


def _run_block(input: Tensor, conv: Conv1d, tail: list[nn.Module]) -> tuple[Tensor, int]:
    """The output, and how many layers it stands for."""
    second = tail[0] if tail else None
    if isinstance(second, nn.ReLU):
        return conv.convolve(input, relu=True), 2
    y = conv.convolve(input)
    relu_follows = len(tail) > 1 and isinstance(tail[1], nn.ReLU)
    if not (relu_follows and second is not None and _can_be_fused(second, y)):
        return y, 1
    assert isinstance(second, nn.BatchNorm1d)
    pooling = tail[2] if len(tail) > 2 else None
    if pooling is not None and _halves(pooling) and y.shape[-1] >= 2:
        return _normalise(y, second, pool=2), 4
    if pooling is not None and (window := _mean_window(pooling, y.shape[-1])):
        return _normalise(y, second, pool=window, mean_pool=True), 4
    return _normalise(y, second, pool=1), 3


def _normalise(y: Tensor, norm: nn.BatchNorm1d, pool: int, mean_pool: bool = False) -> Tensor:
    running = (norm.running_mean, norm.running_var)
    if not norm.training:
        out, _, _ = torch.ops.crossscale.normalised(
            y, norm.weight, norm.bias, *running, norm.eps, pool, mean_pool
        )
        return out
    out, mean, variance = torch.ops.crossscale.normalised(
        y, norm.weight, norm.bias, None, None, norm.eps, pool, mean_pool
    )
    running_mean, running_var = running
    if running_mean is not None and running_var is not None and norm.momentum is not None:
        count = y.shape[0] * y.shape[2]
        with torch.no_grad():
            running_mean.lerp_(mean, norm.momentum)
            running_var.lerp_(variance * (count / (count - 1)), norm.momentum)
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked += 1
    return out


def _can_be_fused(layer: nn.Module, y: Tensor) -> bool:
    """A batch normalisation as most are, of more than one value per channel."""
    return (
        type(layer) is nn.BatchNorm1d
        and layer.affine
        and layer.track_running_stats
        and layer.momentum is not None
        and y.dim() == 3
        and y.shape[1] == layer.num_features
        and y.shape[0] * y.shape[2] > 1
    )


def _halves(layer: nn.Module) -> bool:
    return (
        type(layer) is nn.MaxPool1d
        and layer.kernel_size in (2, (2,))
        and layer.stride in (2, (2,))
        and layer.padding in (0, (0,))
        and layer.dilation in (1, (1,))
        and not layer.return_indices
        and not layer.ceil_mode
    )


def _mean_window(layer: nn.Module, length: int) -> int:
    """Neighbours that each output is the mean of, or 0 if the layer is another."""
    if type(layer) is not nn.AdaptiveAvgPool1d:
        return 0
    size = layer.output_size[0] if isinstance(layer.output_size, tuple) else layer.output_size
    return length // size if isinstance(size, int) and size > 0 and length % size == 0 else 0
