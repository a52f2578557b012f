"""The bench's command line: profiles, and what it refuses."""

from dataclasses import asdict
from typing import Any

import pytest

from crossscale_results import UserError
from module1_locality.config import PROFILES, Bench, grid_of
from module1_locality.rungs import LADDER, RUNGS, describe, why_not


@pytest.mark.parametrize("profile", ["quick", "paper"])
def test_a_profile_is_filled_in(profile: Any) -> None:
    grid = grid_of(Bench(profile=profile, seed=3))
    assert grid.profile == profile
    assert grid.batch_sizes == PROFILES[profile].batch_sizes
    assert grid.repeats == PROFILES[profile].repeats


def test_the_paper_profile_is_what_the_results_need() -> None:
    assert PROFILES["paper"].repeats >= 10
    assert (min(PROFILES["paper"].batch_sizes), max(PROFILES["paper"].batch_sizes)) == (64, 1024)


@pytest.mark.parametrize("change", [{"repeats": 3}, {"threads": 2}, {"rungs": ("A0",)}])
def test_a_changed_grid_is_custom(change: dict[str, Any]) -> None:
    assert grid_of(Bench(**change)).profile == "custom"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"repeats": 0}, "--repeats is 0"),
        ({"batch_sizes": ()}, "--batch-sizes is empty"),
        ({"batch_sizes": (0,)}, "--batch-sizes is 0"),
        ({"depth": 1}, "--depth is 1"),
        ({"seed": -1}, "--seed is -1"),
        ({"threads": 0}, "--threads is 0"),
        ({"batch_sizes": (100,)}, "here of 100"),
        ({"fragment_windows": 1000}, "--fragment-windows is 1000"),
        ({"assembly_windows": 1000}, "--assembly-windows is 1000"),
        ({"block_windows": 100}, "here of 1600"),
    ],
)
def test_a_bad_number_is_refused_in_one_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        grid_of(Bench(**change))
    assert "\n" not in str(error.value)


def test_each_rung_names_the_rung_it_differs_from() -> None:
    assert [rung.name for rung in LADDER] == list(RUNGS)
    for rung in LADDER:
        assert rung.follows is None or rung.follows in RUNGS
    assert describe(RUNGS["A1"]) == (
        "A1             batched gather: A0, but one vectorised gather a batch"
    )


def test_each_rung_changes_one_thing() -> None:
    about = {"name", "title", "change", "follows"}
    for rung in LADDER:
        if rung.follows is not None:
            before, after = asdict(RUNGS[rung.follows]), asdict(rung)
            assert len([key for key in after if after[key] != before[key]]) == 1 + len(about)


def test_without_an_accelerator_only_copies_mean_nothing() -> None:
    without = {"A4", "A5-stream", "X-pin", "X-nonblocking"}
    without |= {rung.name for rung in LADDER if rung.captured}
    reasons = {rung.name: why_not(rung, has_accelerator=False) for rung in LADDER}
    assert {name for name, reason in reasons.items() if reason} == without
    assert all(why_not(rung, has_accelerator=True) is None for rung in LADDER)
