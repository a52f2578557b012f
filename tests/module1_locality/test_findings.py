"""Findings say what is not measured, and with what it would be."""

from pathlib import Path

from module1_locality.findings import findings


def test_without_rows_everything_is_not_measured(tmp_path: Path) -> None:
    found = findings(tmp_path, [])
    assert len(found) == 5
    assert all("not measured; `python -m module1_locality." in finding.text for finding in found)
