"""TEST DATA: made-up rows as of GPUs go through claims, bars, findings and figures as they are."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap.bars import render
from module3_mpi_gpu_overlap.claims import claims
from module3_mpi_gpu_overlap.columns import ROUNDS
from module3_mpi_gpu_overlap.figures import draw
from module3_mpi_gpu_overlap.findings import findings
from module3_mpi_gpu_overlap.ratios import ratios
from module3_mpi_gpu_overlap.selection import profile_rows

TEST_GPU = "TEST DATA, no such GPU"


@pytest.fixture
def results(rows: Any, tmp_path: Path) -> Path:
    """Worlds of 1, 2, 4 and 8 on GPUs, the last sharing them."""
    exposed_s = {1: 0.0, 2: 0.6, 4: 0.7, 8: 0.1}
    rows.write_rounds(tmp_path, "quick", exposed_s, crowded=(8,), accelerator=TEST_GPU)
    return tmp_path


def test_what_is_empty_on_a_cpu_is_filled(results: Path) -> None:
    rounds = read_table(ROUNDS, results)
    filled = ["accelerator_copies_s", "accelerator_memory_bytes"]
    assert rounds[filled].notna().all(axis=None)
    assert set(rounds["mpi_transfer"]) == {"staged"}
    assert set(rounds["accelerator"]) == {TEST_GPU}


def test_claims_are_measured_and_name_the_device(results: Path) -> None:
    dominates, pays = claims(results)
    assert (dominates.verdict, pays.verdict) == ("reproduced", "not reproduced")
    assert "one node, on cuda, G0: median 0.00% at 1" in dominates.measured
    assert "* more ranks than cores or accelerators, not judged" in dominates.measured
    assert all(ratio.name.endswith(", on cuda") for ratio in (*dominates.evidence, *pays.evidence))


def test_bars_and_findings_take_them(results: Path) -> None:
    assert "communication's share of a round, G0" in render(results)
    told = [finding.text for finding in findings(results, ratios(results))]
    assert any("local training is " in text for text in told)


def test_figures_are_drawn_and_name_the_device(results: Path, tmp_path: Path) -> None:
    paths = draw(results, tmp_path / "figures")
    assert {path.stem for path in paths} == {"module3_rounds", "module3_throughput"}
    for path in paths:
        if path.suffix == ".png":
            assert f"accelerator {TEST_GPU} (cuda);" in Image.open(path).info["Description"]


def test_one_machines_rows_with_and_without_its_accelerator_are_not_mixed(
    rows: Any, results: Path
) -> None:
    rows.write_rounds(results, "quick", {1: 0.0, 2: 0.01, 4: 0.01})  # later, the accelerator hidden
    shown = profile_rows(ROUNDS, results, "bench")
    assert shown is not None
    assert set(shown["device_type"]) == {"cpu"}
    dominates, _ = claims(results)
    assert dominates.verdict == "not reproduced"
    assert "cuda" not in dominates.measured
