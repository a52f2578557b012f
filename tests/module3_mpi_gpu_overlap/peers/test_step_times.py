"""Local steps are timed from outside: what is in a round, and what is not a step."""

import pytest
import torch

from module3_mpi_gpu_overlap.peers.step_times import record_steps, rounds_s


def test_a_round_lasts_from_its_first_pass_to_its_last_step() -> None:
    warm_up = [(0.0, 50.0)]
    first, second = [(100.0, 101.0), (101.5, 102.0)], [(110.0, 111.0), (112.0, 114.0)]
    assert rounds_s([*warm_up, *first, *second], rounds=2, local_steps=2) == [2.0, 4.0]


def test_only_passes_that_end_in_a_step_are_steps() -> None:
    module = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(module.parameters())
    steps = record_steps(module)
    for _ in range(3):
        module(torch.ones(2)).backward()
        optimizer.step()
    module(torch.ones(2))
    assert len(steps) == 3
    assert all(begin < end for begin, end in steps)
    assert steps[0][1] <= steps[1][0]


def test_rounds_that_were_not_run_are_not_told() -> None:
    with pytest.raises(IndexError):
        rounds_s([(0.0, 1.0)], rounds=1, local_steps=2)
