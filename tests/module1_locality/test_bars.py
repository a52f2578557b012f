"""The bars: what is judged, by what, and what is not measured."""

from pathlib import Path

import pandas as pd
import pytest

from module1_locality import bars, order_summary
from module1_locality.order_columns import ORDER_TABLE
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


def orders(a2: float, protocol: str = "test") -> pd.DataFrame:
    """A0 under three seeds; A2, always as good, under two of them."""
    sizes = DEFAULT.block_windows, DEFAULT.buffer_blocks
    return pd.DataFrame(
        [
            *(("global", 0, 0, seed, f1) for seed, f1 in enumerate((0.60, 0.62, 0.61))),
            *(("two-level", *sizes, seed, a2) for seed in range(2)),
        ],
        columns=["order", "block_windows_count", "buffer_blocks_count", "seed", "macro_4_f1"],
    ).assign(protocol=protocol, run_id=protocol)


@pytest.mark.parametrize(("a2", "judged"), [(0.61, "met"), (0.50, "missed")])
def test_a2_is_held_against_the_interval_of_a0(a2: float, judged: str) -> None:
    (line,) = bars._accuracy(orders(a2))
    assert line.endswith(judged)


def test_what_the_seeds_do_not_exclude_is_told_beside_it() -> None:
    (line,) = bars._accuracy(orders(0.61))
    # Differences of +0.01 and -0.01: their mean's interval is Student's 12.706 times 0.01.
    assert "A2 - A0 seed by seed +0.000 (95 % interval -0.127 to +0.127, n = 2): met" in line
    alone = orders(0.61).drop_duplicates(["order", "macro_4_f1"])
    (line,) = bars._accuracy(alone)
    assert "no two seeds have both: met" in line


def test_orders_are_judged_on_ds2_whatever_was_compared_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = pd.concat([orders(0.61), orders(0.50, "cross-validation")])
    monkeypatch.setattr(order_summary, "has_rows", lambda table, _: table is ORDER_TABLE)
    monkeypatch.setattr(order_summary, "read_table", lambda *_: both)
    monkeypatch.setattr(bars, "latest_rows", lambda *_: None)
    last = bars.render(tmp_path).splitlines()[-1]
    assert "0.610 in" in last
    assert last.endswith("met")
    monkeypatch.setattr(order_summary, "read_table", lambda *_: orders(0.50, "cross-validation"))
    assert bars.render(tmp_path).splitlines()[-1].endswith(": not measured")
