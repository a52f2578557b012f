"""Two runs compared by the ratios that both have: what changed, and whether beyond noise."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from crossscale_results.ratios import Ratio, ratio_interval

BETTER, WORSE, SAME, UNKNOWN = "better", "worse", "within noise", "too few samples"


@dataclass(frozen=True)
class Change:
    """One ratio in two runs."""

    before: Ratio
    after: Ratio

    @property
    def factor(self) -> float | None:
        """The second run's value over the first's; None where that is 0."""
        return self.after.value / self.before.value if self.before.value else None

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Bootstrap interval of the factor; None where it cannot be told."""
        return ratio_interval(self.after.samples, self.before.samples)

    @property
    def verdict(self) -> str:
        """Better or worse where the interval leaves 1 out."""
        interval = self.interval
        if interval is None:
            return UNKNOWN
        low, high = interval
        if low <= 1 <= high:
            return SAME
        return BETTER if (low > 1) == self.after.greater_is_better else WORSE


@dataclass(frozen=True)
class Comparison:
    """What both runs have, and what only one has."""

    changes: tuple[Change, ...]
    only_before: tuple[Ratio, ...]
    only_after: tuple[Ratio, ...]

    def most_telling_first(self) -> list[Change]:
        """The changes, those beyond noise first, else in their order."""
        return sorted(self.changes, key=lambda change: change.verdict not in (BETTER, WORSE))

    def counted(self) -> dict[str, int]:
        """How many changes have each verdict."""
        verdicts = [change.verdict for change in self.changes]
        return {name: verdicts.count(name) for name in (BETTER, WORSE, SAME, UNKNOWN)}


def compare(before: Iterable[Ratio], after: Iterable[Ratio]) -> Comparison:
    """Pair two runs' ratios by module and name, in the first run's order."""
    old = {(ratio.module, ratio.name): ratio for ratio in before}
    new = {(ratio.module, ratio.name): ratio for ratio in after}
    return Comparison(
        tuple(Change(old[key], new[key]) for key in old if key in new),
        tuple(ratio for key, ratio in old.items() if key not in new),
        tuple(ratio for key, ratio in new.items() if key not in old),
    )
