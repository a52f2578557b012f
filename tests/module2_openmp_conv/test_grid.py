"""The grid: what its slices hold, and what a cell amounts to."""

from collections import Counter
from dataclasses import replace
from itertools import product

import pytest

from crossscale_results import UserError
from module2_openmp_conv.config import PROFILES, check_slices
from module2_openmp_conv.grid import CHANNELS_BY_WIDTH, SLICES, Cell, cells_of, thread_counts


def test_the_papers_grid_is_in_every_profile() -> None:
    wanted = {Cell(b, 1, 1, k, 500, threads=2) for b in (64, 128, 256, 512) for k in (3, 5, 7)}
    for profile in PROFILES.values():
        assert wanted <= set(cells_of(profile.slices, 2))


def test_channels_by_width_are_there_for_all_three_passes() -> None:
    layers = ((1, 16, 1), (16, 16, 1), (16, 32, 1), (32, 64, 1), (64, 64, 1), (64, 64, 64))
    passes = ("forward", "input_gradient", "weight_gradient")
    wanted = {
        Cell(64, inputs, outputs, width, 500, groups=groups, operation=operation)
        for (inputs, outputs, groups), width, operation in product(
            layers, (3, 5, 7, 15, 31), passes
        )
    }
    assert set(CHANNELS_BY_WIDTH) == wanted
    assert len(CHANNELS_BY_WIDTH) == 90


@pytest.mark.parametrize(
    ("name", "column", "values"),
    [
        ("batch", "batch_size", {1, 8, 64, 512}),
        ("length", "length", {180, 500, 3600}),
        ("dilation", "dilation", {1, 2, 4}),
    ],
)
def test_a_slice_varies_one_thing(name: str, column: str, values: set[int]) -> None:
    found = SLICES[name]
    assert {getattr(cell, column) for cell in found} == values
    bases = Counter(replace(cell, **{column: 1}) for cell in found)
    assert set(bases.values()) == {len(values)}
    assert {cell.operation for cell in found} == {
        "forward",
        "input_gradient",
        "weight_gradient",
        "training_step",
    }


def test_threads_go_from_one_to_all() -> None:
    assert [thread_counts(most) for most in (1, 2, 6, 8)] == [
        (1,),
        (1, 2),
        (1, 2, 4, 6),
        (1, 2, 4, 8),
    ]
    assert {cell.threads for cell in cells_of(("threads",), 6)} == {1, 2, 4, 6}
    assert {cell.threads for cell in cells_of(("paper", "cold"), 6)} == {6}


def test_cells_are_taken_once_and_there_are_not_too_many() -> None:
    for profile, most in (("quick", 30), ("paper", 170)):
        cells = cells_of(PROFILES[profile].slices, 2)
        assert len(set(cells)) == len(cells) <= most


def test_even_kernels_are_refused() -> None:
    with pytest.raises(ValueError, match="kernel_width is 4: it must be odd"):
        Cell(1, 1, 1, 4)


def test_work_and_bytes_of_a_cell() -> None:
    cell = Cell(2, 4, 6, 3, length=10, dilation=2, groups=2)
    assert cell.padding == 2
    assert cell.weight_shape == (6, 2, 3)
    assert cell.multiply_adds == 2 * 10 * 6 * 2 * 3
    tensors = 2 * 4 * 10 + 2 * 6 * 10 + 6 * 2 * 3
    assert cell.moved_bytes == 4 * (tensors + 6)
    assert replace(cell, operation="weight_gradient").moved_bytes == 4 * tensors
    step = replace(cell, operation="training_step")
    assert (step.multiply_adds, step.moved_bytes) == (3 * cell.multiply_adds, 8 * (tensors + 6))


def test_slices_are_chosen_by_name() -> None:
    assert check_slices("batch, paper") == ("paper", "batch")
    assert check_slices(None) is None
    with pytest.raises(UserError, match="--slices names 'fast': choose from paper, channels"):
        check_slices("paper,fast")
