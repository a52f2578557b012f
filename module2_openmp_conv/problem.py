"""What a cell's contestants all compute: the same tensors, from real windows and a seed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from module2_openmp_conv.grid import Cell


@dataclass(frozen=True)
class Problem:
    """A cell with its tensors, all float32 and contiguous."""

    cell: Cell
    input: Tensor  # [batch, in_channels, length]
    weight: Tensor  # [out_channels, in_channels / groups, kernel]
    bias: Tensor  # [out_channels]
    gradient: Tensor  # of the output, [batch, out_channels, length]


def problem_of(cell: Cell, windows: Tensor, seed: int) -> Problem:
    """Real windows as channels, and random weights and gradients.

    Args:
        cell: the shapes.
        windows: float32 [n, samples]; read end to end and cut anew where the cell's length is
            another, and used again from the start where there are too few.
        seed: seed of weight, bias and gradient.
    """
    rows_there = windows.numel() // cell.length
    windows = windows.flatten()[: rows_there * cell.length].view(rows_there, cell.length)
    count = cell.batch_size * cell.in_channels
    # Spread over the database: neighbours are nearly the same beat of the same patient.
    rows = torch.arange(count) * max(1, rows_there // count) % rows_there
    generator = torch.Generator().manual_seed(seed)
    _, group_channels, width = cell.weight_shape
    weight = torch.randn(cell.weight_shape, generator=generator) / (group_channels * width) ** 0.5
    bias = torch.randn(cell.out_channels, generator=generator)
    return Problem(
        cell=cell,
        input=windows[rows].reshape(cell.batch_size, cell.in_channels, cell.length).contiguous(),
        weight=weight,
        bias=bias,
        gradient=torch.randn(cell.batch_size, cell.out_channels, cell.length, generator=generator),
    )
