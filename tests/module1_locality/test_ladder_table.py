"""The table of a run: medians of its rows, each rung over its own control."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from crossscale_results import Row, append_rows, collect
from module1_locality.columns import LADDER_TABLE
from module1_locality.ladder_table import ladder_markdown

RATES = {"C0": 1000.0, "A0": 500.0, "C0-captured": 4000.0, "A5-captured": 3960.0}


def test_each_cell_is_a_step_and_its_share_of_compute_only(
    tmp_path: Path, accelerators_row: Callable[..., Row]
) -> None:
    def row(name: str, batch_size: int, repeat: int) -> Row:
        rate = RATES[name] * (1 + 0.1 * (repeat - 1))  # the median repeat's is the rate itself
        values = {"step_ms": 1e3 * batch_size / rate, "trained_samples_per_s": rate}
        return accelerators_row(name, batch_size, repeat, values, empty={})

    provenance = replace(collect("synthetic", "quick"), accelerator="TEST GPU")
    rows = [row(name, size, repeat) for repeat in range(3) for size in (10, 20) for name in RATES]
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
