"""A finished run turned into rows and lines."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crossscale_results.provenance import collect
from crossscale_results.reader import read_table
from crossscale_results.writer import append_rows
from module3_mpi_gpu_overlap.columns import ROUNDS, SCORES, RunConfig
from module3_mpi_gpu_overlap.mpi_progress import SelfTest
from module3_mpi_gpu_overlap.report import round_rows, score_lines, score_rows, screened_lines
from module3_mpi_gpu_overlap.timing import Timeline

CONFIG = RunConfig(
    experiment="none",
    world_size=2,
    oversubscribed=False,
    link="one node",
    congestion_control="reno",
    device_type="cpu",
    memory_kept=True,
    averaged_count=10,
    local_steps=5,
    batch_size=4,
)


@pytest.fixture
def run() -> Any:
    """One round of two ranks: the second begins at once and arrives later."""
    reports = [
        SimpleNamespace(
            timeline=Timeline(0.0, arrival, 4.0, ((arrival, 3.0),), 1.0),
            loss=loss,
            beats=20,
            weight=weight,
            screened=() if loss else (1,),
            copies_s=None,
            accelerator_memory_bytes=None,
        )
        for arrival, weight, loss in ((1.0, 0.25, 0.5), (2.0, 0.75, None))
    ]
    confusion = np.diag([90, 0, 10, 0, 0])
    confusion[1, 0] = 5  # S beats exist and none is found; F and Q do not occur
    return SimpleNamespace(
        rounds=[reports],
        first_round=0,
        communication_s=0.25,
        payload_bytes=40,
        transfer="none",
        progress_method="polling",
        clock_offsets_s=[0.0, 1e-6],
        self_test=SelfTest(10.0, 50.0, None, "polling", interval_s=2e-4),
        confusions={0: {"DS2": confusion}},
    )


def test_rounds_become_a_row_for_each_rank(run: Any, tmp_path: Path) -> None:
    rows = round_rows(run, CONFIG, seed=1, repeat=0)
    append_rows(ROUNDS, tmp_path, collect("mitdb", "custom"), rows)
    frame = read_table(ROUNDS, tmp_path)
    assert frame["rank"].tolist() == [0, 1]
    assert frame["straggler_idle_s"].tolist() == [1.0, 0.0]
    assert frame["exposed_communication_s"].tolist() == [1.0, 1.0]
    assert frame["round_s"].tolist() == [4.0, 4.0]
    assert frame["throughput_samples_per_s"].tolist() == [2 * 5 * 4 / 4.0] * 2
    assert frame["accelerator_copies_s"].isna().all()
    assert frame["progress_method"].tolist() == ["polling"] * 2


def test_a_screened_update_has_no_loss_is_counted_and_told(run: Any, tmp_path: Path) -> None:
    rows = round_rows(run, CONFIG, seed=1, repeat=0)
    append_rows(ROUNDS, tmp_path, collect("mitdb", "custom"), rows)
    _, row = read_table(ROUNDS, tmp_path).to_dict("records")
    assert pd.isna(row["train_loss"])
    assert "train_loss: all of this rank's updates were screened out" in row["not_measured"]
    assert (row["trained_count"], row["screened_count"]) == (1, 1)
    (line,) = screened_lines(run)
    assert line.startswith("note: round 0: the update of client 1 (rank 1) was screened out")


def test_undefined_scores_are_empty_with_a_reason_and_never_zero(run: Any, tmp_path: Path) -> None:
    rows = score_rows(run, CONFIG, seed=1, repeat=0)
    append_rows(SCORES, tmp_path, collect("mitdb", "custom"), rows)
    (row,) = read_table(SCORES, tmp_path).to_dict("records")
    assert row["s_sensitivity"] == 0
    assert row["v_f1"] == 1
    assert pd.isna(row["f_f1"])
    assert "f_f1: undefined" in row["not_measured"]


def test_lines_name_the_set_and_say_undefined(run: Any) -> None:
    (line,) = score_lines(run)
    assert line.startswith("round 0, DS2 (105 beats): macro F1 (N S V F) undefined, S F1 0.000")
