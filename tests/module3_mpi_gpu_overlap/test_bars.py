"""What module 3 is to reach, judged by made-up rows on either side of each bar."""

from pathlib import Path
from typing import Any

import pytest

from module3_mpi_gpu_overlap.accuracy_summary import interval_of, rounds_to, scored
from module3_mpi_gpu_overlap.bars import render


def lines(results_dir: Path, about: str) -> list[str]:
    return [line for line in render(results_dir).splitlines() if about in line]


def test_without_rows_nothing_is_judged(tmp_path: Path) -> None:
    told = render(tmp_path).splitlines()
    assert len(told) == 10
    assert all(line.endswith("not measured") for line in told)


@pytest.mark.parametrize(
    ("g3", "verdicts"),
    [
        ((0.04, 1.05), ["met", "met"]),
        ((0.06, 1.05), ["missed", "met"]),
        ((0.04, 1.20), ["met", "missed"]),
    ],
)
def test_rounds_on_links_leave_out_the_round_that_warms_up_and_the_one_that_waits(
    rows: Any, tmp_path: Path, g3: tuple[float, float], verdicts: list[str]
) -> None:
    rows.write_link_rounds(tmp_path, {"G0": (1.0, 2.0), "G3": g3})
    exposed, whole = lines(tmp_path, "of G3 over G0")
    assert [exposed.split(": ")[-1], whole.split(": ")[-1]] == verdicts
    assert f"{g3[0]:.3f}" in exposed


def test_a_links_other_modes_are_told_and_not_judged(rows: Any, tmp_path: Path) -> None:
    rows.write_link_rounds(tmp_path, {"G0": (1.0, 2.0), "G3": (0.0, 1.0), "G5": (0.5, 1.5)})
    assert lines(tmp_path, "of G5 over G0") == [
        "exposed communication of G5 over G0's: 0.500",
        "round of G5 over G0's: 0.750",
    ]


def test_communications_share_must_grow_with_the_ranks(rows: Any, tmp_path: Path) -> None:
    rows.write_rounds(tmp_path / "a", "quick", {1: 0.0, 2: 0.1, 4: 0.2, 8: 0.1}, crowded=(8,))
    (line,) = lines(tmp_path / "a", "communication's share")
    assert "ranks): 10.00% at 2, 20.00% at 4, 10.00% at 8*: met" in line
    rows.write_rounds(tmp_path / "b", "quick", {1: 0.0, 2: 0.3, 4: 0.2})
    assert lines(tmp_path / "b", "communication's share")[0].endswith("missed")
    rows.write_rounds(tmp_path / "c", "quick", {1: 0.0, 2: 0.1, 4: 0.2}, crowded=(4,))
    (line,) = lines(tmp_path / "c", "communication's share")
    assert "20.00% at 4*: not judged" in line


@pytest.mark.parametrize(("overhead_s", "verdict"), [(0.019, "met"), (0.021, "missed")])
def test_the_suites_overhead_is_what_is_no_local_step(
    rows: Any, tmp_path: Path, overhead_s: float, verdict: str
) -> None:
    rows.write_peers(tmp_path, {"G0": (overhead_s, 0.001)})
    (line,) = lines(tmp_path, "all but local steps")
    assert line.endswith(f"{overhead_s:.2%}: {verdict}")


@pytest.mark.parametrize(
    ("flower", "told"), [((0.05, 0.02), "5.0, or 4.0"), ((0.04, 0.05), "4.0, or 10.0")]
)
def test_the_suites_overhead_is_held_against_flowers_least(
    rows: Any, tmp_path: Path, flower: tuple[float, float], told: str
) -> None:
    contestants = {"Flower a": (0.09, 0.09), "Flower b": flower, "gloo": (0.001, 0.001)}
    rows.write_peers(tmp_path, {"G1": (0.01, 0.005), **contestants})
    (line,) = lines(tmp_path, "overhead of Flower over G1's in a round of 50 local steps")
    verdict = "met" if told.startswith("5.0") else "missed"
    assert line.endswith(f"{told} without drawing batches: {verdict}")


def test_flower_as_its_tutorial_sets_it_up_is_told_too(rows: Any, tmp_path: Path) -> None:
    flower = {"Flower documented": (0.09, 0.05), "Flower raw": (0.05, 0.02)}
    rows.write_peers(tmp_path, {"G1": (0.01, 0.005), **flower})
    (line,) = lines(tmp_path, "as its tutorial")
    assert line.endswith("over G1's: 9.0, or 10.0 without drawing batches")


def test_without_flower_no_overhead_is_judged(rows: Any, tmp_path: Path) -> None:
    rows.write_peers(tmp_path, {"G1": (0.01, 0.005), "gloo": (0.02, 0.01)})
    assert lines(tmp_path, "overhead of Flower") == [
        "overhead of Flower over the suite's: not measured"
    ]


def test_subjects_are_held_against_central_training(rows: Any, tmp_path: Path) -> None:
    rows.write_accuracy(tmp_path / "a", {"central": [0.60, 0.60], "subjects": [0.59, 0.57]})
    (line,) = lines(tmp_path / "a", "over central training")
    assert "0.967, reached first at round 10: met" in line
    rows.write_accuracy(tmp_path / "b", {"central": [0.60, 0.60], "subjects": [0.50, 0.57]})
    assert lines(tmp_path / "b", "over central training")[0].endswith("reached never: missed")


def test_a_delayed_mode_is_held_against_the_interval_of_g0(rows: Any, tmp_path: Path) -> None:
    rows.write_accuracy(tmp_path, {"G0": [0.58, 0.60, 0.62], "G3": [0.6] * 3, "G5": [0.5] * 3})
    inside, outside = lines(tmp_path, "inside G0's interval")
    assert inside.startswith("macro-F1 on DS2, G3: 0.600")
    assert inside.endswith("met")
    assert outside.startswith("macro-F1 on DS2, G5: 0.500")
    assert outside.endswith("missed")
    apart = lines(tmp_path, "less G0's, seed by seed")
    assert apart[0] == "  less G0's, seed by seed: +0.000 (-0.050 to +0.050, 3 pairs)"
    assert apart[1].startswith("  less G0's, seed by seed: -0.100")


def test_what_was_sent_grows_with_the_rounds_and_is_nothing_for_one_rank(
    rows: Any, tmp_path: Path
) -> None:
    rows.write_accuracy(tmp_path, {"central": [0.6], "G0": [0.6]})
    found = scored(tmp_path)
    assert found is not None
    sent = found.groupby("federation")["sent_bytes"].apply(list).to_dict()
    assert sent == {"central": [0, 0], "G0": [5 * 4 * 39_000, 10 * 4 * 39_000]}
    assert rounds_to(found, "G0", 0.29) == 5
    assert rounds_to(found, "G0", 0.59) == 10
    assert rounds_to(found, "G0", 0.61) is None


@pytest.mark.parametrize(
    ("promises", "told"),
    [
        (["kept"] * 200, "none broken; killed and stopped runs were gone after at most 3.5 s: met"),
        (
            ["kept"] * 199,
            "none broken; killed and stopped runs were gone after at most 3.5 s: missed",
        ),
        (
            ["kept"] * 200 + ["hang"],
            "1 hang; killed and stopped runs were gone after at most 3.5 s: missed",
        ),
    ],
)
def test_faults_are_many_and_break_no_promise(
    rows: Any, tmp_path: Path, promises: list[str], told: str
) -> None:
    rows.write_faults(tmp_path, promises)
    (line,) = lines(tmp_path, "random faults")
    assert line.endswith(told)
    assert line.startswith(f"{len(promises)} random faults")


def test_one_seed_has_no_interval() -> None:
    import pandas as pd

    found = interval_of(pd.Series([0.5]))
    assert found.holds(-1e9)
    assert found.count == 1
