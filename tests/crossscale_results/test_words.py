"""Words made of ratios."""

from crossscale_results.ratios import Ratio
from crossscale_results.words import beyond_noise, named, not_measured, span


def ratio(value: float, name: str = "a over b", count: int = 5) -> Ratio:
    return Ratio("module 9", name, (value,) * count)


def test_a_span_goes_from_the_least_to_the_greatest() -> None:
    assert span([ratio(2.0), ratio(0.5), ratio(1.0)]) == "0.500 to 2.00"
    assert span([ratio(2.0), ratio(2.0004)]) == "2.00"


def test_beyond_noise_counts_the_intervals_that_leave_1_out() -> None:
    assert beyond_noise([ratio(2.0), ratio(1.0)]) == "a difference beyond noise in 1 of 2"
    assert beyond_noise([ratio(2.0)]) == "a difference beyond noise"
    assert beyond_noise([ratio(1.0)]) == "no difference beyond noise"
    assert "too few samples" in beyond_noise([ratio(2.0, count=1)])


def test_ratios_are_found_by_all_parts_of_their_names() -> None:
    ratios = [ratio(1.0, "A5 over A0, batch 64"), ratio(2.0, "A5 over memcpy, batch 64")]
    assert named(ratios, "A5", "A0") == ratios[:1]


def test_what_is_missing_is_said_with_the_command_that_measures_it() -> None:
    finding = not_measured("Speed", "python -m speed")
    assert finding.text == "Speed: not measured; `python -m speed` does."
    assert finding.ratios == ()
