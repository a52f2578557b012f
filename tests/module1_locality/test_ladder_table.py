"""The table of a run: medians of its rows, each rung over its own control."""

from dataclasses import fields, replace
from pathlib import Path

from crossscale_results import Row, append_rows, collect
from module1_locality.columns import LADDER_TABLE, LadderMeasurement, LadderRun
from module1_locality.ladder_table import ladder_markdown
from module1_locality.rungs import RUNGS

RATES = {"C0": 1000.0, "A0": 500.0, "C0-captured": 4000.0, "A5-captured": 3960.0}


def made_up_row(name: str, batch_size: int, repeat: int) -> Row:
    rate = RATES[name] * (1 + 0.1 * (repeat - 1))  # the median repeat's is the rate itself
    kinds = {column.name: column.kind for column in LADDER_TABLE.columns}
    values = {
        field.name: 1 if kinds[field.name] == "int" else 1.0 for field in fields(LadderMeasurement)
    }
    values |= {"step_ms": 1e3 * batch_size / rate, "trained_samples_per_s": rate}
    run = LadderRun(name, "cuda", RUNGS[name].ring, batch_size, 0, 16, 16, 4, True, 2, 32)
    return Row(run, LadderMeasurement(**values), 0, repeat, {})  # type: ignore[arg-type]


def test_each_cell_is_a_step_and_its_share_of_compute_only(tmp_path: Path) -> None:
    provenance = replace(collect("synthetic", "quick"), accelerator="TEST GPU")
    rows = [made_up_row(name, size, i) for i in range(3) for size in (10, 20) for name in RATES]
    append_rows(LADDER_TABLE, tmp_path, provenance, rows)
    assert ladder_markdown(tmp_path).splitlines() == [
        "| rung | batch 10 | batch 20 |",
        "|---|---|---|",
        "| `A0` | 20.00 ms, 50 % | 40.00 ms, 50 % |",
        "| `C0` | 10.00 ms | 20.00 ms |",
        "| `A5-captured` | 2.53 ms, 99 % | 5.05 ms, 99 % |",
        "| `C0-captured` | 2.50 ms | 5.00 ms |",
        "",
        "Medians of 3 repeats, each a fresh process; TEST GPU.",
    ]
