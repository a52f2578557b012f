"""The guard: what falls behind is named, what cannot be compared is said, time never counts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crossscale_results.errors import UserError
from crossscale_results.guard import guard

WriteRun = Callable[..., Path]


def test_a_run_that_is_as_good_passes(write_run: WriteRun) -> None:
    found = guard(write_run("fresh"), write_run("reference"), tolerance=0.1)
    assert found.failures == ()
    assert found.notes == ()
    assert found.compared == 3


@pytest.mark.parametrize(
    ("worse", "named"),
    [
        ({"torch_over_ours": 1.0}, "torch's time over ours, the paper's grid"),
        ({"a5_over_a0": 0.5}, "A5 over A0, batch 64"),
        ({"g3_over_g0": 1.5}, "time of a round, G3 over G0"),  # less is better
    ],
)
def test_what_falls_behind_is_named_in_one_sentence(
    write_run: WriteRun, worse: dict[str, float], named: str
) -> None:
    fresh, reference = write_run("fresh", **worse), write_run("reference")
    (failure,) = guard(fresh, reference, tolerance=0.5).failures
    assert named in failure
    assert "in the reference" in failure
    assert guard(fresh, reference, tolerance=0.8).failures == ()


def test_what_got_better_passes(write_run: WriteRun) -> None:
    better = {"torch_over_ours": 40.0, "a5_over_a0": 9.0, "g3_over_g0": 0.01}
    assert guard(write_run("fresh", **better), write_run("reference"), 0.1).failures == ()


def test_ratios_that_only_one_has_are_noted_and_not_judged(write_run: WriteRun) -> None:
    fresh, reference = write_run("fresh"), write_run("reference")
    (fresh / "module1_ladder.csv").unlink()
    (reference / "module3_rounds.csv").unlink()
    found = guard(fresh, reference, 0.5)
    assert found.compared == 1
    assert any("not in the fresh run" in note and "A5 over A0" in note for note in found.notes)
    assert any("not in the reference" in note and "G3 over G0" in note for note in found.notes)


def test_different_kinds_of_cpu_are_said(write_run: WriteRun) -> None:
    fresh = write_run("fresh", {"cpu_model": "Another CPU", "cpu_isa": "avx512"})
    (note,) = guard(fresh, write_run("reference"), 0.5).notes
    assert note.startswith("different CPUs: Another CPU (avx512) here, Example CPU")


def test_different_datasets_are_said(write_run: WriteRun) -> None:
    fresh, reference = write_run("fresh"), write_run("reference")
    path = fresh / "module2_convolution.csv"
    path.write_text(path.read_text().replace(",synthetic,", ",mitdb,"))
    (note,) = guard(fresh, reference, 0.5).notes
    assert note == "different datasets: mitdb, synthetic here, synthetic in the reference"


def test_a_module_that_left_nothing_to_judge_fails(write_run: WriteRun) -> None:
    """Its bench crashed, or ran without what is measured: a note would let that pass."""
    fresh, reference = write_run("fresh"), write_run("reference")
    (fresh / "module1_ladder.csv").unlink()
    path = fresh / "module2_convolution.csv"
    head, *lines = path.read_text().splitlines(keepends=True)
    path.write_text(head + "".join(line for line in lines if ",crossscale," not in line))
    found = guard(fresh, reference, 0.5)
    assert (found.failures, found.compared) == ((), 1)
    first, second = found.missing
    assert first.startswith("module 1 has ratios in ")
    assert second.startswith("module 2 has ratios in ")
    assert guard(fresh, reference, 0.5, modules=(3,)).missing == ()


def test_a_modules_ratios_of_other_names_are_none_of_the_references(write_run: WriteRun) -> None:
    fresh, reference = write_run("fresh"), write_run("reference")
    path = fresh / "module3_rounds.csv"
    path.write_text(path.read_text().replace(",one node,", ",several nodes,"))
    found = guard(fresh, reference, 0.5)
    assert [sentence[:8] for sentence in found.missing] == ["module 3"]
    assert any("several nodes" in note for note in found.notes)


def test_only_modules_that_are_named_are_judged(write_run: WriteRun) -> None:
    fresh, reference = write_run("fresh", a5_over_a0=0.1, torch_over_ours=0.1), write_run("old")
    found = guard(fresh, reference, 0.5, modules=(1, 3))
    assert [failure[:8] for failure in found.failures] == ["module 1"]
    assert found.compared == 2


@pytest.mark.parametrize("tolerance", [0.0, 1.0, -0.5, float("nan")])
def test_a_tolerance_that_judges_nothing_or_everything_is_refused(
    write_run: WriteRun, tolerance: float
) -> None:
    with pytest.raises(UserError, match="--tolerance"):
        guard(write_run("fresh"), write_run("reference"), tolerance)


def test_runs_with_nothing_in_common_are_refused(write_run: WriteRun, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no ratio in common"):
        guard(tmp_path / "empty", write_run("reference"), 0.5)
    with pytest.raises(UserError, match="no folder"):
        guard(tmp_path / "missing", write_run("reference2"), 0.5)
