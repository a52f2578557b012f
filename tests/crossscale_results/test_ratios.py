"""Ratios: paired samples, medians, and intervals that hold what they say."""

import numpy as np
import pandas as pd
import pytest

from crossscale_results.ratios import (
    FEWEST,
    Ratio,
    number,
    ratio_interval,
    ratio_of,
    said,
)


def test_samples_are_paired_by_repeat_and_what_has_no_pair_is_left_out() -> None:
    over = pd.Series({0: 2.0, 1: 9.0, 2: 8.0})
    under = pd.Series({2: 2.0, 0: 1.0, 3: 5.0})
    (ratio,) = ratio_of("module 9", "a over b", over, under)
    assert ratio.samples == (2.0, 4.0)
    assert ratio.value == 3.0


def test_what_is_divided_by_nothing_is_no_sample() -> None:
    assert ratio_of("module 9", "a over b", pd.Series([1.0]), pd.Series([0.0])) == []
    assert ratio_of("module 9", "a over b", pd.Series(dtype=float), pd.Series([1.0])) == []


def test_a_ratio_needs_samples() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Ratio("module 9", "a over b", ())


def test_few_samples_have_no_interval() -> None:
    assert Ratio("module 9", "a over b", (1.0,) * (FEWEST - 1)).interval is None
    assert Ratio("module 9", "a over b", (1.0,) * FEWEST).interval == (1.0, 1.0)
    assert ratio_interval((1.0,) * 9, (1.0,) * (FEWEST - 1)) is None


def test_the_interval_is_the_same_each_time() -> None:
    samples = tuple(np.random.default_rng(0).normal(3, 1, 12))
    one, other = (Ratio("module 9", "a over b", samples).interval for _ in range(2))
    assert one == other
    assert one is not None
    assert min(samples) <= one[0] < 3.2
    assert 2.8 < one[1] <= max(samples)


def test_the_interval_holds_the_true_median_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    intervals = [
        Ratio("module 9", "a over b", tuple(random.lognormal(0, 0.2, 15))).interval
        for _ in range(200)
    ]
    held = np.mean(
        [interval is not None and interval[0] <= 1 <= interval[1] for interval in intervals]
    )
    assert 0.88 <= held <= 0.995


def test_a_quotients_interval_holds_the_true_quotient_and_not_another() -> None:
    random = np.random.default_rng(2)
    over, under = (tuple(random.normal(middle, 0.05, 20)) for middle in (2.0, 1.0))
    interval = ratio_interval(over, under)
    assert interval is not None
    assert interval[0] < 2 < interval[1]
    assert interval[0] > 1.8
    assert interval[1] < 2.2


def test_a_quotient_by_what_can_be_0_has_no_interval() -> None:
    assert ratio_interval((1.0,) * 6, (0.0, 0.0, 0.0, 0.0, 1.0, 1.0)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.345, "12.3"), (1.0, "1.00"), (0.01234, "0.0123"), (123.4, "123"), (0.0, "0.00"),
     (999.4, "999"), (999.6, "1,000"), (45_678.9, "45,679")],
)  # fmt: skip
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_ratio_in_words_has_its_count_and_interval_or_says_why_not() -> None:
    assert said(Ratio("m", "r", (2.0,) * 5)) == "2.00 (95 % interval 2.00 to 2.00, n = 5)"
    assert said(Ratio("m", "r", (2.0,))) == "2.00 (n = 1: too few for an interval)"
