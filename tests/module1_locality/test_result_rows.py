"""On a machine with an accelerator every rung is measured and every copy has its time."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from crossscale_results import append_rows, collect, read_table
from module1_locality.bench import climb
from module1_locality.columns import LADDER_TABLE
from module1_locality.conditions import Conditions
from module1_locality.config import Bench, grid_of
from module1_locality.lanes import Batch, HostBatch, HostLane, Mark
from module1_locality.result_rows import void_row
from module1_locality.rungs import RUNGS
from module1_locality.training_windows import TrainingWindows


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

    def mean_copy_ms(self) -> float | None:
        return 2.0


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


def test_with_an_accelerator_only_the_control_lacks_anything(
    make_conditions: Callable[..., Conditions], tmp_path: Path
) -> None:
    climb(make_conditions(PromptLane()))
    ladder = read_table(LADDER_TABLE, tmp_path).set_index("rung")
    assert sorted(ladder.index) == sorted(RUNGS)
    fed = ladder.drop(index="C0")
    assert (fed["copy_ms"] == 2.0).all()
    assert fed["copied_gb_per_s"].astype(float).tolist() == pytest.approx(
        [32 * 2008 / 2e-3 / 1e9] * 7
    )
    assert set(fed.index[fed["page_locked"]]) == {"A3", "A4", "A5"}
    assert set(fed.index[fed["not_measured"] != ""]) == {"A0-workers"}
    assert ladder.loc["C0", "not_measured"].startswith("wait_ms: control")


def test_a_void_row_has_a_reason_for_every_measurement(
    make_conditions: Callable[..., Conditions], tmp_path: Path
) -> None:
    conditions = make_conditions(HostLane())
    row = void_row(RUNGS["A4"], conditions, 32, "no accelerator: nothing to copy")
    append_rows(LADDER_TABLE, tmp_path, conditions.provenance, [row])
    (reasons,) = read_table(LADDER_TABLE, tmp_path)["not_measured"]
    assert reasons.count("no accelerator: nothing to copy") == 13
