"""When optimiser steps were made: observed from outside, and so in the same way for everyone."""

from time import perf_counter

from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

Step = tuple[float, float]  # from the forward pass to the end of the optimiser's step, in seconds


def record_steps(module: nn.Module) -> list[Step]:
    """A list that from now on gets every optimiser step of this process, made with `module`.

    A step begins with the last forward pass before its end; passes without a step leave nothing.
    """
    begin_s, steps = [0.0], []

    def note_begin(*_: object) -> None:
        begin_s[0] = perf_counter()

    def note_end(*_: object) -> None:
        steps.append((begin_s[0], perf_counter()))

    module.register_forward_pre_hook(note_begin)
    register_optimizer_step_post_hook(note_end)
    return steps


def rounds_s(steps: list[Step], rounds: int, local_steps: int) -> list[float]:
    """Seconds from the first forward pass of each of the last rounds to the end of its last step.

    Args:
        steps: all steps; those before the rounds, which warm up, are passed over.
        rounds: how many rounds ended the run.
        local_steps: steps of a round.
    """
    last = steps[len(steps) - rounds * local_steps :]
    return [
        last[first + local_steps - 1][1] - last[first][0]
        for first in range(0, rounds * local_steps, local_steps)
    ]
