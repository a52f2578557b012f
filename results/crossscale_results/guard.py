"""Whether a fresh run's ratios fell behind a reference's by more than a tolerance."""

from dataclasses import dataclass
from pathlib import Path

from crossscale_results.comparison import Change, compare
from crossscale_results.errors import UserError
from crossscale_results.provenance_facts import datasets, kinds_of_cpu, rows_of
from crossscale_results.ratios import Ratio, number
from crossscale_results.tables import all_ratios

MODULES = (1, 2, 3)


@dataclass(frozen=True)
class Guarded:
    """What a guard has to say, a sentence each."""

    failures: tuple[str, ...]
    missing: tuple[str, ...]  # modules that the reference has, and that left nothing to judge
    notes: tuple[str, ...]
    compared: int  # ratios


def guard(
    fresh: Path, reference: Path, tolerance: float, modules: tuple[int, ...] = MODULES
) -> Guarded:
    """Hold each ratio of `fresh` against the reference's.

    A module with ratios in the reference and none of them in `fresh` is missing: a bench that
    crashed, or ran without its kernels, is not as good.

    Args:
        fresh: folder of the CSV files to judge.
        reference: folder of those that are held to be right.
        tolerance: a ratio may be worse by this part of the reference's: 0.5 allows half as good.
        modules: numbers of those that are judged.

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
    found = compare(_of(modules, reference), _of(modules, fresh))
    if not found.changes:
        raise UserError(
            f"{fresh} and {reference} have no ratio in common: run a bench into {fresh} first"
        )
    notes = [f"not in the fresh run, not judged: {ratio.name}" for ratio in found.only_before]
    notes += [f"not in the reference, not judged: {ratio.name}" for ratio in found.only_after]
    here, there = rows_of(fresh), rows_of(reference)
    unlike = [
        *_difference("CPUs", kinds_of_cpu(here), kinds_of_cpu(there)),
        *_difference("datasets", datasets(here), datasets(there)),
    ]
    failures = [_failure(change) for change in found.changes if goodness(change) < 1 - tolerance]
    judged = {change.before.module for change in found.changes}
    absent = dict.fromkeys(r.module for r in found.only_before if r.module not in judged)
    missing = [
        f"{module} has ratios in {reference} and none of them in {fresh}: run its bench, or name "
        "the modules to judge by --modules"
        for module in absent
    ]
    return Guarded(tuple(failures), tuple(missing), (*unlike, *notes), len(found.changes))


def _of(modules: tuple[int, ...], folder: Path) -> list[Ratio]:
    names = {f"module {number}" for number in modules}
    return [ratio for ratio in all_ratios(folder) if ratio.module in names]


def _difference(what: str, here: tuple[str, ...], there: tuple[str, ...]) -> list[str]:
    if here == there:
        return []
    return [f"different {what}: {', '.join(here)} here, {', '.join(there)} in the reference"]


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
