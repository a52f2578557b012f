"""On a machine with an accelerator every rung is measured and every copy has its time."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest
import torch

from crossscale_results import append_rows, collect, read_table
from module1_locality.columns import LADDER_TABLE, LadderMeasurement
from module1_locality.conditions import Conditions
from module1_locality.config import Bench, grid_of
from module1_locality.lanes import Batch, HostBatch, HostLane, Mark, Timeline
from module1_locality.repeat import measure_repeat
from module1_locality.result_rows import void_row
from module1_locality.rungs import LADDER, RUNGS
from module1_locality.training_windows import TrainingWindows

pytestmark = pytest.mark.usefixtures("replayed")


class PromptLane(HostLane):
    """A simulated accelerator whose copies are done at once, in 2 ms each."""

    def __init__(self) -> None:
        super().__init__()
        self.has_accelerator = True

    def resident(self, staging: torch.Tensor) -> torch.Tensor:
        return torch.empty_like(staging)

    def start_copy(self, source: HostBatch, target: Batch, after: Mark) -> Mark:
        for staged, resident in zip(source, target, strict=True):
            resident.copy_(staged)

    def synchronised_copy_ms(self, batch: HostBatch) -> float:
        return 2.0

    def timeline(self) -> Timeline:
        return Timeline([(0.0, 2e-3)] * 4, super().timeline().computes)


@pytest.fixture
def make_conditions(
    learnable_windows: TrainingWindows, tmp_path: Path
) -> Callable[..., Conditions]:
    def make(lane: HostLane) -> Conditions:
        bench = Bench(
            results_dir=tmp_path,
            batch_sizes=(32,),
            repeats=1,
            fragment_windows=128,
            assembly_windows=128,
            block_windows=16,
            buffer_blocks=4,
        )
        provenance = collect("synthetic", "custom")
        return Conditions(grid_of(bench), learnable_windows, lane, False, provenance)

    return make


def ladder_of_one_repeat(conditions: Conditions) -> pd.DataFrame:
    for table, rows in measure_repeat(conditions, repeat=0):
        append_rows(table, conditions.bench.results_dir, conditions.provenance, rows)
    return read_table(LADDER_TABLE, conditions.bench.results_dir).set_index("rung")


def test_with_an_accelerator_every_rung_is_measured(
    make_conditions: Callable[..., Conditions],
) -> None:
    ladder = ladder_of_one_repeat(make_conditions(PromptLane()))
    assert sorted(ladder.index) == sorted(RUNGS)
    copied = ladder.drop(index=[name for name in RUNGS if name.startswith("C")])
    assert (copied["copy_ms"] == 2.0).all()
    batch_bytes = 32 * 2008 / 2e-3 / 1e9
    assert copied.loc["A5", "copied_gb_per_s"] == pytest.approx(batch_bytes)
    assert copied.loc["A6-int16", "copied_gb_per_s"] == pytest.approx(batch_bytes * 1008 / 2008)
    in_ring = {rung.name for rung in LADDER if rung.ring}
    assert set(copied.index[copied["page_locked"]]) == in_ring
    assert ladder.loc["C0", "not_measured"].count(": control: ") == 14


def test_a_step_is_split_into_parts_that_add_up(
    make_conditions: Callable[..., Conditions],
) -> None:
    ladder = ladder_of_one_repeat(make_conditions(PromptLane()))
    captured = [rung.name for rung in LADDER if rung.captured]
    fed = ladder.drop(index=["C0", "C1", "A0-workers", "A5-ring", *captured])
    parts = (fed["exposed_copy_ms"] + fed["exposed_assembly_ms"]).astype(float)
    exposed = (fed["step_ms"] - ladder.loc["C0", "step_ms"]).astype(float)
    assert parts.tolist() == pytest.approx(exposed.tolist())
    overlap = 1 - exposed / (fed["assembly_ms"] + fed["copy_ms"]).astype(float)
    assert fed["overlap_ratio"].astype(float).tolist() == pytest.approx(overlap.tolist())
    eager = ladder.drop(index=captured)
    ceiling = ladder.loc["A0", "step_ms"] / ladder.loc["C0", "step_ms"] - 1
    assert eager["ceiling_ratio"].astype(float).tolist() == pytest.approx([ceiling] * len(eager))
    assert pd.isna(ladder.loc["A5-ring", "exposed_copy_ms"])
    assert "events tell no truth" in ladder.loc["A5-ring", "not_measured"]


def test_captured_rungs_stand_beside_their_own_control_and_ceiling(
    make_conditions: Callable[..., Conditions],
) -> None:
    ladder = ladder_of_one_repeat(make_conditions(PromptLane()))
    rows = ladder.loc[[rung.name for rung in LADDER if rung.captured]]
    step_ms = rows["step_ms"]
    control, usual = step_ms["C0-captured"], step_ms["A0-captured"]
    assert (rows["compute_only_step_ms"] == control).all()
    assert rows["ceiling_ratio"].astype(float).tolist() == pytest.approx(
        [usual / control - 1] * len(rows)
    )
    exposed = rows["exposed_ms"].drop(index="C0-captured").astype(float)
    assert exposed.tolist() == pytest.approx((step_ms.drop("C0-captured") - control).tolist())


def test_rows_say_how_mixed_and_how_exact_batches_are(
    make_conditions: Callable[..., Conditions],
) -> None:
    ladder = ladder_of_one_repeat(make_conditions(HostLane()))
    assert ladder.loc["A0", "classes_per_batch_count"] == 2.0
    assert pd.isna(ladder.loc["A0", "records_per_batch_count"])
    assert "which window is whose" in ladder.loc["A0", "not_measured"]
    errors = ladder["sample_error_mv"].drop(index="C0").astype(float)
    rounded = [name for name in errors.index if "int16" in RUNGS[name].store]
    assert ((errors[rounded] > 0) & (errors[rounded] < 1e-3)).all()
    assert (errors.drop(index=rounded) == 0).all()
    assert (ladder["minor_faults_count"] >= 0).all()


def test_a_void_row_has_a_reason_for_every_measurement(
    make_conditions: Callable[..., Conditions], tmp_path: Path
) -> None:
    conditions = make_conditions(HostLane())
    row = void_row(RUNGS["A4"], conditions, 32, "no accelerator: nothing to copy")
    append_rows(LADDER_TABLE, tmp_path, conditions.provenance, [row])
    (reasons,) = read_table(LADDER_TABLE, tmp_path)["not_measured"]
    assert reasons.count("no accelerator: nothing to copy") == len(fields(LadderMeasurement))
