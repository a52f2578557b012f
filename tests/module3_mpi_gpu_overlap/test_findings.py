"""Findings hold the rows' numbers, or say that there are none."""

from pathlib import Path
from typing import Any

from module3_mpi_gpu_overlap.findings import findings
from module3_mpi_gpu_overlap.ratios import ratios


def test_without_rows_everything_is_not_measured(tmp_path: Path) -> None:
    found = findings(tmp_path, [])
    assert len(found) == 8
    assert all("not measured; `python -m module3_mpi_gpu_overlap." in f.text for f in found)


def test_a_sentence_holds_the_span_of_its_ratios(rows: Any, tmp_path: Path) -> None:
    rows.write_link_rounds(tmp_path, {"G0": (1.0, 2.0), "G3": (0.05, 1.0)})
    texts = [finding.text for finding in findings(tmp_path, ratios(tmp_path)) if finding.ratios]
    assert texts == [
        "On slow links it makes a round 0.500 times as long.",
        "There it leaves 0.0500 of the communication exposed.",
    ]
