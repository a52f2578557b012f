"""The README's numbers are those of the reference rows."""

import re
from pathlib import Path

import numpy as np
import pytest

from crossscale_data.info import class_counts
from crossscale_data.records import DS1, DS2, PACED
from crossscale_data.source import Source
from crossscale_results.claims import claims_markdown
from crossscale_results.reader import read_table
from crossscale_results.tables import all_claims, all_tables
from module1_locality.bars import render as feed_bars
from module1_locality.classifier_report import latest_classifiers, scores_markdown
from module2_openmp_conv.bars import bars, machine_of, render
from module2_openmp_conv.columns import CONVOLUTION_TABLE, TRAINING_TABLE
from module2_openmp_conv.speedup import latest_run
from module3_mpi_gpu_overlap.bars import render as federation_bars
from module3_mpi_gpu_overlap.readme_tables import privacy_table, wire_table

CHECKOUT = Path(__file__).resolve().parents[1]
REFERENCE = CHECKOUT / "results" / "reference"
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def marked(label: str) -> str:
    """The README's text between `<!-- label -->` and `<!-- end -->`."""
    found = re.search(rf"<!-- {re.escape(label)} -->\n(.*?)\n<!-- end -->", README, re.DOTALL)
    assert found, f"README.md has no part marked {label!r}"
    return found[1]


def test_claims_are_judged_by_the_reference_rows() -> None:
    label = "scripts/claims --results-dir results/reference --markdown"
    assert marked(label) == claims_markdown(all_claims(REFERENCE))


@pytest.mark.parametrize(
    ("protocol", "scored_on"),
    [("test", "DS2"), ("test", "DS2-disjoint"), ("cross-validation", "DS1")],
)
def test_scores_are_those_of_the_reference_rows(protocol: str, scored_on: str) -> None:
    frame = latest_classifiers(REFERENCE, protocol)
    expected = scores_markdown(frame, scored_on)
    assert marked(f"module1_classifier.csv, protocol {protocol}, {scored_on}") == expected


def told_bars(module: str, label: str = "bars") -> str:
    """What the module's README says of its bars, or in another marked part."""
    text = (CHECKOUT / module / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {label} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert found
    return found[1].removeprefix("```\n").removesuffix("\n```")


def test_module_1_reaches_what_its_readme_says() -> None:
    assert told_bars("module1_locality") == feed_bars(REFERENCE)


def test_module_2_reaches_what_its_readme_says() -> None:
    frame = latest_run(read_table(CONVOLUTION_TABLE, REFERENCE))
    training = latest_run(read_table(TRAINING_TABLE, REFERENCE))
    found = bars(frame, machine_of(frame, REFERENCE), training)
    assert told_bars("module2_openmp_conv") == render(found, most=5)
    assert told_bars("module2_openmp_conv", "cells") == render(found, most=len(frame))


def test_module_3_reaches_what_its_readme_says() -> None:
    assert told_bars("module3_mpi_gpu_overlap") == federation_bars(REFERENCE)


def test_module_3s_wires_and_privacy_cost_what_its_readme_says() -> None:
    assert told_bars("module3_mpi_gpu_overlap", "wire") == wire_table(REFERENCE)
    assert told_bars("module3_mpi_gpu_overlap", "privacy") == privacy_table(REFERENCE)


def test_the_reference_was_measured_on_the_real_database_by_committed_code() -> None:
    for table in all_tables():
        rows = read_table(table, REFERENCE)
        assert set(rows["dataset"]) == {"mitdb"}, table.name
        assert not rows["git_dirty"].any(), table.name
        assert len(rows["machine_id"].unique()) == 1, table.name


def test_the_reference_reaches_the_scores_that_the_suite_stands_for() -> None:
    rows = latest_classifiers(REFERENCE, "test")
    rows = rows[(rows["model"] == "beatnet") & (rows["rr_reference"] == "record")]
    rows = rows[rows["scored_on"] == "DS2"]
    assert rows["seed"].nunique() == 5
    assert rows["n_f1"].mean() >= 0.96
    assert rows["v_f1"].mean() >= 0.90
    assert rows["s_f1"].mean() >= 0.51
    assert (rows["training_s"] <= 300).all()
    assert (rows["parameters_count"] < 100_000).all()


def test_class_counts_are_those_of_the_annotations(mitdb: Source) -> None:
    rows = [line.split("|")[2:-1] for line in marked("beats by class").splitlines()[2:]]
    stated = [[int(cell) for cell in row] for row in rows]
    counted = [
        np.sum([list(class_counts(mitdb.directory, r).values()) for r in records], axis=0).tolist()
        for records in (DS1, DS2, PACED)
    ]
    assert stated == counted
