"""Medians, gains by repeat, the claim's verdict and the figures, from rows of known numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from crossscale_results import Provenance, Row, append_rows, collect, read_table
from crossscale_results.rows import void_row
from module1_locality import ladder_figures
from module1_locality.claims import claims
from module1_locality.columns import (
    ASSEMBLY_TABLE,
    LADDER_TABLE,
    AssemblyMeasurement,
    AssemblyRun,
    LadderMeasurement,
    LadderRun,
)
from module1_locality.figures import draw
from module1_locality.summary import ceiling_percent, gain_percent, latest_run, render_summary

Write = Callable[..., Path]
NOT_COUNTED = dict.fromkeys(("cache_misses_count", "tlb_misses_count"), "not permitted")


def ladder_row(rung: str, repeat: int, rate: float, device: str) -> Row:
    step_ms = 64e3 / rate
    measured = LadderMeasurement(
        step_ms=step_ms,
        wait_ms=0.1,
        assembly_ms=0.1,
        copy_ms=None,
        compute_ms=step_ms - 0.1,
        compute_only_step_ms=4.0,
        exposed_ms=step_ms - 4.0 if rung != "C0" else None,
        batch_bytes=128512,
        fed_gb_per_s=1.0,
        copied_gb_per_s=None,
        trained_samples_per_s=rate,
        first_loss=1.6,
        last_loss=0.5,
        exposed_copy_ms=None,
        exposed_assembly_ms=step_ms - 4.0 if rung != "C0" else None,
        overlap_ratio=0.5,
        ceiling_ratio=0.4,
        sample_error_mv=0.0,
        classes_per_batch_count=4.0,
        records_per_batch_count=8.0,
        minor_faults_count=3,
        major_faults_count=0,
        voluntary_switches_count=2,
        involuntary_switches_count=1,
        cache_misses_count=None,
        tlb_misses_count=None,
    )
    run = LadderRun(rung, device, False, 64, 0, 128, 8, 4, False, 2, 64)
    copies = ("copy_ms", "copied_gb_per_s", "exposed_copy_ms")
    reasons = dict.fromkeys(copies, "no accelerator") | NOT_COUNTED
    if rung == "C0":
        reasons |= {"exposed_ms": "control", "exposed_assembly_ms": "control"}
    return Row(run, measured, seed=0, repeat=repeat, not_measured=reasons)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a run: each rung's samples/s, one a repeat."""

    def written(rates: dict[str, list[float]], device: str = "cpu", **about: Any) -> Path:
        provenance: Provenance = replace(collect("mitdb", "quick"), **about)
        rows = [
            ladder_row(rung, repeat, rate, device)
            for rung, values in rates.items()
            for repeat, rate in enumerate(values)
        ]
        append_rows(LADDER_TABLE, tmp_path, provenance, rows)
        run = AssemblyRun("A0", 64, False, 0, 128, 8, False, 2, 64)
        made = AssemblyMeasurement(1.0, 64e3, 0.5, 5.0, 0, 0, 0, 0, None, None)
        assembly = Row(run, made, seed=0, repeat=0, not_measured=NOT_COUNTED)
        append_rows(ASSEMBLY_TABLE, tmp_path, provenance, [assembly])
        return tmp_path

    return written


def rates(a5: float) -> dict[str, list[float]]:
    """A0 at 1000 samples/s in one repeat and at half speed in another; A5 beside it."""
    return {"A0": [1000.0, 500.0], "A5": [1000 * a5, 500 * a5], "C0": [1400.0, 700.0]}


def test_gains_are_paired_by_repeat(write: Write) -> None:
    ladder = read_table(LADDER_TABLE, write(rates(1.2)))
    assert gain_percent(ladder, "A5", "A0", 64).tolist() == pytest.approx([20.0, 20.0])
    assert ceiling_percent(ladder, 64).tolist() == pytest.approx([40.0, 40.0])
    assert gain_percent(ladder, "A3", "A0", 64).empty


def test_runs_are_not_mixed(write: Write) -> None:
    write(rates(1.5), run_id="first")
    ladder = read_table(LADDER_TABLE, write(rates(1.1), run_id="second"))
    assert set(latest_run(ladder)["run_id"]) == {"second"}
    assert set(latest_run(ladder, "first")["run_id"]) == {"first"}


def test_the_screen_shows_median_and_spread(write: Write) -> None:
    text = render_summary(write(rates(1.2)))
    assert ["64", "A5", "900", "750", "to", "1050"] in [row.split()[:6] for row in text.split("\n")]
    assert "+40.0 % over A0" in text
    assert "10%" in text  # A0's share of memcpy


@pytest.mark.parametrize("missing", ["A0", "C0"])
def test_the_screen_tells_no_ceiling_without_the_rungs_it_is_made_of(
    write: Write, missing: str
) -> None:
    asked = {rung: values for rung, values in rates(1.2).items() if rung != missing}
    text = render_summary(write(asked))
    assert "A5" in text
    assert "ceiling" not in text
    assert "nan" not in text


@pytest.mark.parametrize(
    ("a5", "verdict"), [(1.1, "not reproduced"), (1.2, "reproduced"), (1.3, "exceeded")]
)
def test_an_accelerators_run_gives_the_verdict(write: Write, a5: float, verdict: str) -> None:
    results = write(rates(a5), device="cuda", accelerator="a GPU")
    write(rates(1.0))  # a later run on a CPU does not take its place
    claim, _ = claims(results)
    assert claim.verdict == verdict
    assert f"{100 * (a5 - 1):+.1f} %" in claim.measured
    assert [ratio.value for ratio in claim.evidence] == pytest.approx([a5])


def test_a_cpu_gives_figures_but_no_verdict(write: Write) -> None:
    claim, _ = claims(write(rates(1.2)))
    assert claim.verdict == "not measured"
    assert claim.measured.startswith("no accelerator")
    assert "A5 over A0 +20.0 % samples/s (IQR +20.0 to +20.0, n = 2)" in claim.measured
    assert "ceiling +40.0 %" in claim.measured


@pytest.mark.parametrize(
    ("a1", "verdict"), [(1.15, "not reproduced"), (1.0, "reproduced"), (0.9, "exceeded")]
)
def test_a_batched_gather_gets_no_credit(write: Write, a1: float, verdict: str) -> None:
    asked = rates(1.2) | {"A1": [1000 * a1, 500 * a1]}
    over_a0, over_a1 = claims(write(asked, device="cuda", accelerator="a GPU"))
    assert over_a0.verdict == "reproduced"
    assert over_a1.verdict == verdict
    assert over_a1.paper == "the same, here beside a batched gather (A1)"
    gain = f"{100 * (1.2 / a1 - 1):+.1f}"
    assert f"A5 over A1 {gain} % samples/s (IQR {gain} to {gain}, n = 2)" in over_a1.measured
    assert f"ceiling {100 * (1.4 / a1 - 1):+.1f} %" in over_a1.measured
    assert [ratio.value for ratio in over_a1.evidence] == pytest.approx([1.2 / a1])


def test_a_later_run_of_a_few_rungs_hides_no_full_one(write: Write) -> None:
    write(rates(1.2) | {"A1": [1000.0, 500.0]}, run_id="full")
    for few in ({"A1": [1.0], "C0": [1.0]}, rates(9.0)):
        over_a0, over_a1 = claims(write(few))
        assert "A5 over A0 +20.0 %" in over_a0.measured
        assert "A5 over A1 +20.0 %" in over_a1.measured


@pytest.mark.parametrize(
    ("profile", "said"), [("quick", "quick"), ("paper", "paper"), ("custom", "paper")]
)
def test_the_command_is_that_of_the_runs_profile(write: Write, profile: str, said: str) -> None:
    claim, _ = claims(write(rates(1.2), profile=profile))
    assert claim.command == f"python -m module1_locality.bench --profile {said}"
    assert ("profile: custom" in claim.measured) == (profile == "custom")


def test_synthetic_data_are_named(write: Write) -> None:
    claim, _ = claims(write(rates(1.2), device="cuda", dataset="synthetic"))
    assert "SYNTHETIC" in claim.measured


@pytest.mark.parametrize("present", [None, {"A1": [1.0], "C0": [1.0]}])
def test_without_both_ends_of_the_ladder_nothing_is_claimed(
    write: Write, tmp_path: Path, present: dict[str, list[float]] | None
) -> None:
    if present:
        write(present)
    assert [claim.verdict for claim in claims(tmp_path)] == ["not measured"] * 2


def test_figures_are_drawn_and_the_same_again(write: Write, tmp_path: Path) -> None:
    results = write(rates(1.2))
    first = draw(results, tmp_path / "a")
    assert sorted(path.name for path in first) == [
        f"module1_{name}.{suffix}"
        for name in ("assembly", "step_breakdown", "throughput")
        for suffix in ("pdf", "png")
    ]
    for path, again in zip(first, draw(results, tmp_path / "b"), strict=True):
        assert path.stat().st_size > 1000
        assert path.read_bytes() == again.read_bytes()


def test_a_run_in_which_nothing_was_measured_is_not_drawn(tmp_path: Path) -> None:
    run = LadderRun("A4", "cpu", False, 64, 0, 128, 8, 4, False, 2, 64)
    empty = void_row(run, LadderMeasurement, "no accelerator", 0)
    append_rows(LADDER_TABLE, tmp_path, collect("mitdb", "quick"), [empty])
    assert draw(tmp_path, tmp_path / "figures") == []


def test_every_part_of_a_step_is_in_a_legend_that_fits(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(ladder_figures, "save_figure", lambda figure, *_: figures.append(figure))
    faster_than_c0 = {"A6-gather": [64e3 / 3.5]}  # whose step takes 4 ms
    rows = read_table(LADDER_TABLE, write(rates(1.2) | faster_than_c0))
    ladder_figures.draw_breakdown(rows.assign(exposed_copy_ms=0.2), tmp_path)
    (figure,) = figures
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {
        "compute only",
        "exposed assembly",
        "exposed copy",
        "less than compute only",
        "host assembly, hidden or not",
    }
    box = legend.get_window_extent()
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_without_rows_nothing_is_drawn(tmp_path: Path) -> None:
    assert draw(tmp_path, tmp_path / "figures") == []
