"""What the README says of the database, and of where its numbers are from."""

import math
import re
from pathlib import Path

import numpy as np

from crossscale_data.info import class_counts
from crossscale_data.records import DS1, DS2, PACED
from crossscale_data.source import Source
from crossscale_results.reader import read_table
from crossscale_results.tables import all_tables
from module1_locality.classifier_report import latest_classifiers
from module1_locality.columns import LADDER_TABLE
from module2_openmp_conv.columns import CONVOLUTION_TABLE, MACHINE_TABLE, TRAINING_TABLE
from module3_mpi_gpu_overlap.columns import (
    ALLREDUCE,
    LINKS,
    MODEL,
    PEERS,
    PRIVACY,
    ROUND_MODEL,
    ROUNDS,
    SCORES,
    WIRE,
)

CHECKOUT = Path(__file__).resolve().parents[1]
REFERENCE = CHECKOUT / "results" / "reference"
H200 = CHECKOUT / "results" / "reference_h200"
AMD = CHECKOUT / "results" / "reference_amd"
ONLY_OF_AMD = {ROUND_MODEL.name}
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def marked(label: str) -> str:
    """The README's text between `<!-- label -->` and `<!-- end -->`."""
    found = re.search(rf"<!-- {re.escape(label)} -->\n(.*?)\n<!-- end -->", README, re.DOTALL)
    assert found, f"README.md has no part marked {label!r}"
    return found[1]


def test_the_reference_was_measured_on_the_real_database_by_committed_code() -> None:
    for table in all_tables():
        rows = read_table(table, AMD if table.name in ONLY_OF_AMD else REFERENCE)
        assert set(rows["dataset"]) == {"mitdb"}, table.name
        assert not rows["git_dirty"].any(), table.name
        assert len(rows["machine_id"].unique()) == 1, table.name


def test_the_gpu_rows_are_whole_repeats_of_one_run_on_the_real_database() -> None:
    rows = read_table(LADDER_TABLE, H200)
    assert set(rows["dataset"]) == {"mitdb"}
    assert set(rows["device"]) == {"cuda"}
    assert not rows["git_dirty"].any()
    assert len(rows.groupby(["run_id", "machine_id", "accelerator", "git_revision"])) == 1
    assert len(rows) == len(rows.groupby(["repeat", "batch_size", "rung"]))
    assert len(rows) == math.prod(rows[key].nunique() for key in ("repeat", "batch_size", "rung"))
    assert rows["repeat"].nunique() == 9
    assert rows["step_ms"].notna().all()


def test_the_rows_of_an_amd_machine_are_those_of_one_commit_on_the_real_database() -> None:
    tables = (CONVOLUTION_TABLE, MACHINE_TABLE, TRAINING_TABLE)
    federated = (ROUNDS, SCORES, ALLREDUCE, WIRE, LINKS, MODEL, ROUND_MODEL, PRIVACY, PEERS)
    assert {path.stem for path in AMD.glob("*.csv")} == {t.name for t in (*tables, *federated)}
    found = [read_table(table, AMD) for table in tables]
    for rows in found:
        assert set(rows["dataset"]) == {"mitdb"}
        assert set(rows["profile"]) == {"paper"}
        assert rows["cpu_model"].str.startswith("AMD").all()
        assert not rows["git_dirty"].any()
    keys = ["machine_id", "git_revision"]
    assert (
        len({tuple(row) for rows in found for row in rows[keys].drop_duplicates().to_numpy()}) == 1
    )
    assert "crossscale_channels_last" in set(found[0]["contestant"])
    for table in federated:
        rows = read_table(table, AMD)
        assert set(rows["dataset"]) == {"mitdb"}
        assert rows["cpu_model"].str.startswith("AMD").all()
        assert not rows["git_dirty"].any()
        by = ["experiment"] if table in (ROUNDS, SCORES) else ["cpu_model"]
        assert (rows.groupby(by)["git_revision"].nunique() == 1).all(), table.name


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
