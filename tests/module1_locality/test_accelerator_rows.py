"""TEST DATA: made-up rows as of a GPU go through claims, bars, findings and figures as they are."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from crossscale_results import Row, append_rows, collect, read_table
from module1_locality.bars import render
from module1_locality.claims import claims
from module1_locality.columns import LADDER_TABLE
from module1_locality.config import Bench
from module1_locality.figures import draw
from module1_locality.findings import findings
from module1_locality.host_counters import HostCounts
from module1_locality.lanes import Lane
from module1_locality.ratios import ratios
from module1_locality.result_rows import empty_columns_of
from module1_locality.rungs import LADDER, RUNGS
from module1_locality.summary import render_summary

TEST_GPU = "TEST DATA, no such GPU"
COUNTED = HostCounts(1, 0, 1, 0, 10, 10)
NOT_COUNTS = {"step_ms": 5.0, "copy_ms": 0.25, "exposed_copy_ms": 0.2, "compute_only_step_ms": 4.0}


@pytest.fixture
def results(
    tmp_path: Path, late_lane: Callable[[], Lane], accelerators_row: Callable[..., Row]
) -> Path:
    """Rows with every column that a GPU fills; A5 is 1.2 times as fast as all others."""
    lane = late_lane()
    rows = [
        accelerators_row(
            rung.name,
            batch_size,
            repeat,
            NOT_COUNTS | {"trained_samples_per_s": 1200.0 if rung.name == "A5" else 1000.0},
            empty_columns_of(rung, Bench(), lane, COUNTED),
        )
        for repeat in range(4)
        for batch_size in (64, 256)
        for rung in LADDER
    ]
    provenance = replace(collect("synthetic", "quick"), accelerator=TEST_GPU)
    append_rows(LADDER_TABLE, tmp_path, provenance, rows)
    return tmp_path


def test_what_is_empty_on_a_cpu_is_filled(results: Path) -> None:
    ladder = read_table(LADDER_TABLE, results).set_index("rung")
    copied = ladder.drop(index=[name for name in RUNGS if name.startswith("C")])
    assert copied[["copy_ms", "copied_gb_per_s"]].notna().all(axis=None)
    assert ladder.loc[["A4", "X-pin", "X-nonblocking", "A5-stream"], "step_ms"].notna().all()
    assert set(ladder["accelerator"]) == {TEST_GPU}


def test_the_claim_is_measured_and_judged(results: Path) -> None:
    claim, beside_a1 = claims(results)
    assert claim.verdict == beside_a1.verdict == "reproduced"
    assert "no accelerator" not in claim.measured
    assert [ratio.value for ratio in claim.evidence] == pytest.approx([1.2, 1.2])
    assert all("on cuda" in ratio.name for ratio in claim.evidence)


def test_bars_summary_and_findings_take_them(results: Path) -> None:
    for rung in ("A5", "A5-captured"):
        said = f"exposed feeding of a step, {rung} (bar: at most 3 % at 256): 20.0 % at 64"
        assert said in render(results)
    assert "not measured" not in render_summary(results)
    told = [finding.text for finding in findings(results, ratios(results))]
    assert any("training on the cuda" in text for text in told)
    assert not any("No accelerator was there" in text for text in told)


def test_figures_are_drawn_and_name_the_device(results: Path, tmp_path: Path) -> None:
    paths = draw(results, tmp_path / "figures")
    names = {path.stem for path in paths}
    assert names == {"module1_throughput", "module1_step_breakdown"}
    for path in paths:
        if path.suffix == ".png":
            assert f"accelerator {TEST_GPU} (cuda);" in Image.open(path).info["Description"]


def test_such_rows_are_not_among_the_results() -> None:
    checkout = Path(__file__).resolve().parents[2]
    for path in (checkout / "results").rglob("*.csv"):
        assert "TEST DATA" not in path.read_text(encoding="utf-8"), path
