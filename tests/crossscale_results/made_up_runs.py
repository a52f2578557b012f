"""TEST DATA: made-up rows of a small run with exact ratios, so that every number is known."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from crossscale_results.provenance import Provenance
from crossscale_results.rows import Row
from crossscale_results.table import Table
from crossscale_results.writer import append_rows
from module1_locality.columns import LADDER_TABLE
from module2_openmp_conv.columns import CONVOLUTION_TABLE
from module2_openmp_conv.grid import PAPER
from module3_mpi_gpu_overlap.columns import ROUNDS

NEUTRAL: dict[str, Any] = {"int": 1, "float": 1.0, "str": "none", "bool": False}


def made_row(table: Table, repeat: int = 0, seed: int = 0, **values: Any) -> Row:
    """A row with neutral values wherever none is given."""
    neutral = {column.name: NEUTRAL[column.kind] for column in table.columns} | values
    config, measurement = (
        kind(**{field.name: neutral[field.name] for field in fields(kind)})
        for kind in (table.config, table.measurement)
    )
    return Row(config, measurement, seed, repeat)


def write_run(
    folder: Path,
    provenance: Provenance,
    a5_over_a0: float = 1.25,
    torch_over_ours: float = 4.0,
    g3_over_g0: float = 0.5,
    repeats: int = 6,
    device: str = "cpu",
) -> Path:
    """A folder with rows of all three modules, whose ratios are those given in every repeat.

    `device` is what modules 1 and 3 trained on, as their rows say.
    """
    made = replace(provenance, dataset="synthetic", profile="quick")
    rates = {"A0": 1000.0, "A1": 1000.0, "A5": 1000.0 * a5_over_a0, "C0": 1500.0}
    ladder = [
        made_row(
            LADDER_TABLE,
            repeat,
            rung=rung,
            device=device,
            batch_size=64,
            trained_samples_per_s=rate,
        )
        for rung, rate in rates.items()
        for repeat in range(repeats)
    ]
    append_rows(LADDER_TABLE, folder, made, ladder)
    times = {"torch": 10.0 * torch_over_ours, "crossscale": 10.0}
    cells = [
        made_row(
            CONVOLUTION_TABLE,
            repeat,
            contestant=name,
            operation="forward",
            cache="warm",
            threads=2,
            batch_size=cell.batch_size,
            kernel_width=cell.kernel_width,
            length=cell.length,
            call_us=call_us,
        )
        for cell in PAPER
        for name, call_us in times.items()
        for repeat in range(repeats)
    ]
    append_rows(CONVOLUTION_TABLE, folder, made, cells)
    rounds = [
        made_row(
            ROUNDS,
            repeat,
            experiment="bench",
            device_type=device,
            link="one node",
            mode=mode,
            world_size=2,
            rank=rank,
            rounds=2,
            round_index=index,
            round_s=round_s,
            rank_round_s=round_s,
            train_s=0.75 * round_s,
            exposed_communication_s=0.125 * round_s,
            blocked_idle_s=0.0,
            precision="float32",
            wire="float32",
            exchange="flat",
        )
        for mode, round_s in {"G0": 2.0, "G3": 2.0 * g3_over_g0}.items()
        for repeat in range(repeats)
        for index in range(2)
        for rank in range(2)
    ]
    append_rows(ROUNDS, folder, made, rounds)
    return folder
