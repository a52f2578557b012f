"""Whether a fresh run's ratios fell behind a reference's by more than a tolerance."""

from dataclasses import dataclass
from pathlib import Path

from crossscale_results.comparison import Change, compare
from crossscale_results.errors import UserError
from crossscale_results.provenance_facts import kinds_of_cpu
from crossscale_results.ratios import number
from crossscale_results.tables import all_ratios


@dataclass(frozen=True)
class Guarded:
    """What a guard has to say, a sentence each."""

    failures: tuple[str, ...]
    notes: tuple[str, ...]
    compared: int  # ratios


def guard(fresh: Path, reference: Path, tolerance: float) -> Guarded:
    """Hold each ratio of `fresh` against the reference's.

    Args:
        fresh: folder of the CSV files to judge.
        reference: folder of those that are held to be right.
        tolerance: a ratio may be worse by this part of the reference's: 0.5 allows half as good.

    Raises:
        UserError: the tolerance is not between 0 and 1, a folder is missing, or no ratio is in
            both.
        ResultsError: rows cannot be read.
    """
    if not 0 < tolerance < 1:
        raise UserError(f"--tolerance is {tolerance}: it must lie between 0 and 1")
    for folder in (fresh, reference):
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder of results")
    found = compare(all_ratios(reference), all_ratios(fresh))
    if not found.changes:
        raise UserError(
            f"{fresh} and {reference} have no ratio in common: run a bench into {fresh} first"
        )
    notes = [f"not in the fresh run, not judged: {ratio.name}" for ratio in found.only_before]
    notes += [f"not in the reference, not judged: {ratio.name}" for ratio in found.only_after]
    here, there = kinds_of_cpu(fresh), kinds_of_cpu(reference)
    if here != there:
        notes.insert(
            0, f"different CPUs: {', '.join(here)} here, {', '.join(there)} in the reference"
        )
    failures = [_failure(change) for change in found.changes if goodness(change) < 1 - tolerance]
    return Guarded(tuple(failures), tuple(notes), len(found.changes))


def goodness(change: Change) -> float:
    """The fresh value over the reference's, or the reverse where less is better; 1 is as good."""
    over, under = change.after.value, change.before.value
    if not change.after.greater_is_better:
        over, under = under, over
    return over / under if under else 1.0


def _failure(change: Change) -> str:
    return (
        f"{change.after.module}, {change.after.name}: {number(change.after.value)} "
        f"(n = {len(change.after.samples)}), in the reference {number(change.before.value)} "
        f"(n = {len(change.before.samples)}): {number(goodness(change))} times as good"
    )
