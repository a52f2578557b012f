"""What a run measures, in its turns: the bench goes through it, and `--dry-run` prints it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from module1_locality.conditions import why_not_here
from module1_locality.config import Bench, Grid
from module1_locality.lanes import Lane
from module1_locality.rungs import CONTROL, LADDER, RUNGS, Rung, control_of

T = TypeVar("T")


@dataclass(frozen=True)
class Round:
    """One batch size in one repeat: the rungs that train, and those that only assemble."""

    repeat: int
    batch_size: int
    trained: tuple[Rung, ...]
    assembled: tuple[Rung, ...]  # after `memcpy`


def rounds_of(grid: Grid, lane: Lane, repeat: int) -> list[Round]:
    """A repeat's rounds; another rung and another batch size begin in each repeat.

    Else what a process does to those that come later in it would be taken for theirs.
    """
    measured = [rung for rung in chosen_rungs(grid.bench) if why_not_here(rung, lane) is None]
    trained = _rotated(measured, repeat)
    assembled = _rotated(_ways_of_assembly(measured), repeat)
    return [Round(repeat, size, trained, assembled) for size in _rotated(grid.batch_sizes, repeat)]


def void_rungs(bench: Bench, lane: Lane) -> dict[Rung, str]:
    """The rungs that mean nothing on this machine, and why: each has a row a batch size."""
    reasons = {rung: why_not_here(rung, lane) for rung in chosen_rungs(bench)}
    return {rung: reason for rung, reason in reasons.items() if reason is not None}


def chosen_rungs(bench: Bench) -> list[Rung]:
    """The rungs that were asked for, in the ladder's order, and their controls."""
    controls = {CONTROL, *(control_of(RUNGS[name]) for name in bench.rungs)}
    return [rung for rung in LADDER if rung.name in bench.rungs or rung in controls]


def _ways_of_assembly(rungs: list[Rung]) -> list[Rung]:
    """The first rung of each way of assembly in host memory (A4 and A5 assemble as A3)."""
    found: dict[tuple[object, ...], Rung] = {}
    for rung in rungs:
        if rung.gather != "once" and rung.store != "device":
            how = rung.order, rung.gather, rung.store, rung.in_workers, rung.ring
            found.setdefault(how, rung)
    return list(found.values())


def _rotated(things: Sequence[T], repeat: int) -> tuple[T, ...]:
    first = repeat % len(things) if things else 0
    return (*things[first:], *things[:first])
