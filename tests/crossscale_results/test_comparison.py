"""Two runs compared: what is beyond noise, which way is better, and what only one has."""

import numpy as np
import pytest

from crossscale_results.comparison import BETTER, SAME, UNKNOWN, WORSE, Change, Comparison, compare
from crossscale_results.ratios import Ratio


def around(middle: float, seed: int, greater_is_better: bool = True, count: int = 12) -> Ratio:
    samples = np.random.default_rng(seed).normal(middle, 0.03 * middle, count)
    return Ratio("module 9", "ours over theirs", tuple(samples), greater_is_better)


@pytest.mark.parametrize(
    ("middle", "greater_is_better", "verdict"),
    [(2.0, True, BETTER), (2.0, False, WORSE), (0.5, True, WORSE), (0.5, False, BETTER)],
)
def test_a_large_change_is_better_or_worse(
    middle: float, greater_is_better: bool, verdict: str
) -> None:
    change = Change(around(1.0, 0, greater_is_better), around(middle, 1, greater_is_better))
    assert change.verdict == verdict
    assert change.factor == pytest.approx(middle, rel=0.05)


def test_noise_is_seldom_taken_for_a_change() -> None:
    verdicts = [Change(around(1.0, i), around(1.0, 1000 + i)).verdict for i in range(60)]
    assert verdicts.count(SAME) >= 52


def test_a_run_is_as_good_as_itself() -> None:
    assert Change(around(3.0, 0), around(3.0, 0)).verdict == SAME


def test_too_few_samples_are_not_judged_however_large_the_change() -> None:
    assert Change(around(1.0, 0), around(9.0, 1, count=3)).verdict == UNKNOWN


def test_a_quotient_by_0_is_none() -> None:
    change = Change(Ratio("m", "r", (0.0,) * 5), Ratio("m", "r", (1.0,) * 5))
    assert (change.factor, change.verdict) == (None, UNKNOWN)


def test_ratios_are_paired_by_module_and_name() -> None:
    def ratio(module: str, name: str) -> Ratio:
        return Ratio(module, name, (1.0,) * 5)

    before = [ratio("module 1", "a"), ratio("module 1", "b"), ratio("module 2", "a")]
    after = [ratio("module 2", "a"), ratio("module 2", "c"), ratio("module 1", "a")]
    found = compare(before, after)
    assert [(c.before.module, c.after.name) for c in found.changes] == [
        ("module 1", "a"),
        ("module 2", "a"),
    ]
    assert found.only_before == (ratio("module 1", "b"),)
    assert found.only_after == (ratio("module 2", "c"),)
    assert found.counted() == {BETTER: 0, WORSE: 0, SAME: 2, UNKNOWN: 0}


def test_what_is_beyond_noise_comes_first_and_else_the_order_stays() -> None:
    def change(name: str, after: float) -> Change:
        return Change(Ratio("m", name, (1.0,) * 5), Ratio("m", name, (after,) * 5))

    changes = (change("a", 1.0), change("b", 2.0), change("c", 1.0), change("d", 0.5))
    first = Comparison(changes, (), ()).most_telling_first()
    assert "".join(found.after.name for found in first) == "bdac"
