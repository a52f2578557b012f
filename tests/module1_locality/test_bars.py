"""The bars: what is judged, by what, and what is not measured."""

from pathlib import Path

import pandas as pd
import pytest

from module1_locality import bars
from module1_locality.order_config import DEFAULT


def test_without_rows_nothing_is_judged(tmp_path: Path) -> None:
    lines = bars.render(tmp_path).splitlines()
    assert len(lines) == 5
    assert all(line.endswith(": not measured") for line in lines)


@pytest.mark.parametrize(("gb_per_s", "judged"), [(7.0, "met"), (5.0, "missed")])
def test_assembly_is_judged_by_its_worst_batch_size(gb_per_s: float, judged: str) -> None:
    rows = pd.DataFrame(
        [
            (size, method, rate, rate)
            for size, worse in ((64, 0.0), (256, 1.0))
            for method, rate in (("A0", 0.2), ("A6-gather", gb_per_s + 1 - worse), ("memcpy", 10.0))
            for _ in range(3)
        ],
        columns=["batch_size", "method", "assembled_gb_per_s", "assembled_samples_per_s"],
    )
    share, over_a0, bound = bars._assembly(rows)
    assert share.endswith(judged)
    assert f"{gb_per_s / 10:.2f} at 256" in share
    assert over_a0.endswith("met")
    assert bound.endswith("memcpy itself, over A0: 50.0 at 64, 50.0 at 256")


@pytest.mark.parametrize(("exposed_ms", "judged"), [(0.2, ": met"), (0.4, ": missed")])
def test_exposed_feeding_is_judged_at_batch_256_and_a0_is_only_told(
    exposed_ms: float, judged: str
) -> None:
    columns = ["rung", "batch_size", "exposed_ms", "step_ms"]
    rows = pd.DataFrame(
        [("A0", 256, 3.0, 13.0), ("A5", 64, 9.0, 20.0), ("A5", 256, exposed_ms, 10.0)],
        columns=columns,
    )
    a0, a5 = bars._exposed(rows)
    assert "bar" not in a0
    assert a5.endswith(judged)


@pytest.mark.parametrize(("ours", "judged"), [(40.0, "met"), (20.0, "missed")])
def test_the_best_peer_is_the_fastest_of_all_settings(ours: float, judged: str) -> None:
    rows = pd.DataFrame(
        [
            ("peer", "slow", "default", 256, 1.0),
            ("peer", "fast", "best", 256, 10.0),
            ("suite", "A5", "", 256, ours),
            ("suite", "A6-gather", "", 256, ours),
        ],
        columns=["role", "contestant", "settings", "batch_size", "assembled_samples_per_s"],
    )
    lines = list(bars._peers(rows))
    assert len(lines) == 2
    assert all("fast" in line and line.endswith(judged) for line in lines)


@pytest.mark.parametrize(("at_twenty", "judged"), [(95.0, "met"), (80.0, "missed")])
def test_only_warm_rows_say_whether_speed_holds(at_twenty: float, judged: str) -> None:
    rows = pd.DataFrame(
        [
            ("A5", 1, "warm", 100.0),
            ("A5", 20, "warm", at_twenty),
            ("A5", 20, "cold", 1.0),
        ],
        columns=["rung", "copies_count", "cache", "assembled_samples_per_s"],
    )
    (line,) = bars._scale(rows)
    assert line.endswith(judged)


@pytest.mark.parametrize(("a2", "judged"), [(0.61, "met"), (0.50, "missed")])
def test_a2_is_held_against_the_interval_of_a0(a2: float, judged: str) -> None:
    sizes = ["order", "block_windows_count", "buffer_blocks_count", "macro_4_f1"]
    rows = pd.DataFrame(
        [
            *(("global", 0, 0, f1) for f1 in (0.60, 0.62, 0.61)),
            *(("two-level", DEFAULT.block_windows, DEFAULT.buffer_blocks, a2) for _ in range(2)),
        ],
        columns=sizes,
    )
    (line,) = bars._accuracy(rows)
    assert line.endswith(judged)
