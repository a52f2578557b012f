"""Whoever is wrong is found out, in every operation and every tensor of its result."""

import math
from dataclasses import replace
from typing import get_args

import pytest
import torch

from crossscale_results import UserError
from module2_openmp_conv.contestants import contestants
from module2_openmp_conv.correctness import max_error_ratio, references
from module2_openmp_conv.grid import Cell, Operation
from module2_openmp_conv.problem import Problem, problem_of

CELLS = (
    Cell(3, 1, 1, 7, 40),
    Cell(2, 3, 9, 15, 33),
    Cell(1, 1, 2, 5, 1),
    Cell(2, 4, 6, 3, 33, dilation=4, groups=2),
    Cell(2, 4, 4, 5, 64, dilation=2, groups=4),
)


def made(cell: Cell) -> Problem:
    windows = torch.randn(50, 40, generator=torch.Generator().manual_seed(1))
    return problem_of(cell, windows, seed=0)


@pytest.mark.parametrize("operation", get_args(Operation))
@pytest.mark.parametrize("cell", CELLS)
def test_contestants_agree(cell: Cell, operation: Operation) -> None:
    problem = made(replace(cell, operation=operation))
    expected = references(problem)
    found = contestants(problem)
    assert {"torch", "crossscale"} <= set(found)
    for name, contestant in found.items():
        assert max_error_ratio(name, contestant.result(), expected) < 1e-5, name


@pytest.mark.parametrize("operation", get_args(Operation))
def test_a_wrong_value_in_any_tensor_is_an_error(operation: Operation) -> None:
    problem = made(Cell(4, 3, 4, 5, 40, operation=operation))
    expected = references(problem)
    right = contestants(problem)["torch"].result()
    assert len(right) == len(expected) == (4 if operation == "training_step" else 1)
    for index, reference in enumerate(expected):
        for wrong, message in (
            (right[index] * (1 + 1e-4), "is wrong: off by"),
            (torch.full_like(right[index], math.nan), "is wrong: off by inf"),
            (right[index][..., 1:], "gave the shape"),
        ):
            results = [*right[:index], wrong, *right[index + 1 :]]
            with pytest.raises(UserError, match=f"cheat {message}.*the {reference.what}"):
                max_error_ratio("cheat", results, expected)


def test_a_forgotten_edge_is_found_in_a_long_sum() -> None:
    problem = made(Cell(64, 2, 2, 3, 500, operation="weight_gradient"))
    (right,) = contestants(problem)["torch"].result()
    forgotten = right.clone()
    forgotten[0, 0, 0] -= (problem.gradient[:, 0, 1] * problem.input[:, 0, 0]).sum()
    with pytest.raises(UserError, match="cheat is wrong"):
        max_error_ratio("cheat", [forgotten], references(problem))


def test_too_few_tensors_are_an_error() -> None:
    problem = made(Cell(4, 3, 4, 5, 40, operation="training_step"))
    with pytest.raises(UserError, match="cheat gave 1 tensors, not 4"):
        max_error_ratio("cheat", [torch.zeros(1)], references(problem))


def test_windows_are_read_end_to_end_for_other_lengths() -> None:
    windows = torch.arange(20.0).view(4, 5)
    problem = problem_of(Cell(1, 1, 1, 3, length=10), windows, seed=0)
    assert problem.input.flatten().tolist() == list(range(10))
    again = problem_of(Cell(3, 2, 1, 3, length=10), windows, seed=0)
    assert again.input.shape == (3, 2, 10)
