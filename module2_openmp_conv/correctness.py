"""Is a float32 result right? Judged by float64 and the error that float32 sums can have."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crossscale_results import UserError
from module2_openmp_conv.grid import Cell
from module2_openmp_conv.problem import Problem

_UNIT_ROUNDOFF = 2.0**-24
_RANDOM_WALK = 6.0  # deviations that the sum of n roundings may be off


@dataclass(frozen=True)
class Reference:
    """One tensor of a result in float64, with what any order of float32 sums may be off."""

    what: str
    exact: Tensor
    bound: Tensor


def references(problem: Problem) -> tuple[Reference, ...]:
    """What the cell's operation must give: one tensor, or the four of a training step.

    The bound is γ Σ|terms|, where γ is n u / (1 - n u) for n summands (Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, section 3.1) or, where that is less, 6 √n u: rounding
    errors are as good as random (Higham & Mary, SIAM J. Sci. Comput. 41, 2019), and with the
    summands of a weight gradient the first would let a forgotten edge pass.
    """
    cell = problem.cell
    tensors = [t.double() for t in (problem.input, problem.weight, problem.bias, problem.gradient)]
    exact = _results(cell, tensors)
    magnitude = _results(cell, [t.abs() for t in tensors])
    out_channels, group_channels, width = cell.weight_shape
    reduced = cell.batch_size * cell.length
    terms = {
        "output": group_channels * width + 1,
        "input gradient": out_channels // cell.groups * width,
        "weight gradient": reduced,
        "bias gradient": reduced,
    }
    return tuple(
        Reference(what, exact[what], _gamma(terms[what]) * magnitude[what] + _TINY)
        for what in exact
    )


def max_error_ratio(name: str, results: Sequence[Tensor], expected: Sequence[Reference]) -> float:
    """The largest difference from float64, over the largest value of that tensor.

    Raises:
        UserError: a shape is wrong, or a value further off than its bound.
    """
    if len(results) != len(expected):
        raise UserError(f"{name} gave {len(results)} tensors, not {len(expected)}")
    return max(
        _error_ratio(name, result, one) for result, one in zip(results, expected, strict=True)
    )


_TINY = torch.finfo(torch.float32).tiny


def _results(cell: Cell, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    input, weight, bias, gradient = tensors
    results = {}
    if cell.operation in ("forward", "forward_with_grad", "training_step"):
        results["output"] = torch.nn.functional.conv1d(
            input, weight, bias, 1, cell.padding, cell.dilation, cell.groups
        )
    wanted = {
        "input gradient": cell.operation in ("input_gradient", "training_step"),
        "weight gradient": cell.operation in ("weight_gradient", "training_step"),
        "bias gradient": cell.operation == "training_step",
    }
    if any(wanted.values()):
        gradients = torch.ops.aten.convolution_backward(
            gradient,
            input,
            weight,
            [len(bias)],
            [1],
            [cell.padding],
            [cell.dilation],
            False,
            [0],
            cell.groups,
            list(wanted.values()),
        )
        found = zip(wanted, gradients, strict=True)
        results |= {what: tensor for what, tensor in found if wanted[what]}
    return results


def _gamma(terms: int) -> float:
    n = terms + 1  # the last rounding
    certain = n * _UNIT_ROUNDOFF / (1 - n * _UNIT_ROUNDOFF)
    return min(certain, _RANDOM_WALK * n**0.5 * _UNIT_ROUNDOFF)


def _error_ratio(name: str, result: Tensor, expected: Reference) -> float:
    exact = expected.exact
    if result.shape != exact.shape:
        raise UserError(
            f"{name} gave the shape {list(result.shape)}, not {list(exact.shape)}, "
            f"for the {expected.what}"
        )
    error = (result.double() - exact).abs()
    if not bool((error <= expected.bound).all()):
        worst = float((error / expected.bound).nan_to_num(torch.inf).max())
        raise UserError(
            f"{name} is wrong: off by {worst:.3g} times what float32 rounding allows in the "
            f"{expected.what}; not timed"
        )
    return float(error.max() / exact.abs().max())
