"""Is a float32 convolution right? Judged by float64 and the error that float32 sums can have."""

import torch
from torch import Tensor

from crossscale_results import UserError
from module2_openmp_conv.contestants import Problem

_UNIT_ROUNDOFF = 2.0**-24


def max_error_ratio(name: str, out: Tensor, problem: Problem) -> float:
    """The largest difference from a float64 convolution, over that one's largest value.

    Raises:
        UserError: an output is further off than any order of n float32 sums can be: γ_n Σ|w x|
            (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1), or its
            shape is wrong.
    """
    input, weight, bias = (t.double() for t in (problem.input, problem.weight, problem.bias))
    exact = torch.nn.functional.conv1d(input, weight, bias, padding=problem.padding)
    magnitude = torch.nn.functional.conv1d(
        input.abs(), weight.abs(), bias.abs(), padding=problem.padding
    )
    if out.shape != exact.shape:
        raise UserError(f"{name} gave the shape {list(out.shape)}, not {list(exact.shape)}")
    error = (out.double() - exact).abs()
    terms = weight[0].numel() + 2  # products, bias and a last rounding
    bound = terms * _UNIT_ROUNDOFF * 1.001 * magnitude + torch.finfo(torch.float32).tiny
    if not bool((error <= bound).all()):
        worst = float((error / bound).nan_to_num(torch.inf).max())
        raise UserError(
            f"{name} is wrong: off by {worst:.3g} times what float32 rounding allows; not timed"
        )
    return float(error.max() / exact.abs().max())
