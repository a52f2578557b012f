"""Intervals, verdicts and the figure, from rows of known scores."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from crossscale_results import Row, append_rows, collect, read_table
from module1_locality.epoch_orders import Order
from module1_locality.figures import draw
from module1_locality.order_columns import ORDER_TABLE, OrderMeasurement, OrderRun
from module1_locality.order_config import DEFAULT
from module1_locality.order_figure import draw_orders
from module1_locality.order_summary import by_order, latest_orders, render_orders, t_interval

A0, A2 = Order("global"), DEFAULT
Write = Callable[..., Path]


def row(order: Order, seed: int, macro: float | None, protocol: str) -> Row:
    run = OrderRun(
        *(protocol, order.name, order.block_windows, order.buffer_blocks, "beatnet", "record"),
        *(5, 256, 3e-3, 3.0, "cpu", "DS2"),
    )
    measured = OrderMeasurement(3.5, 7.0, macro, 0.97, 0.6, 0.9, macro, 0.95, 20.0, 2e6)
    reasons = {} if macro is not None else dict.fromkeys(("macro_4_f1", "f_f1"), "undefined")
    return Row(run, measured, seed=seed, repeat=0, not_measured=reasons)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a run: each order's macro-F1, one a seed."""

    def written(scores: dict[Order, list[float | None]], protocol: str = "test") -> Path:
        rows = [
            row(order, seed, macro, protocol)
            for order, values in scores.items()
            for seed, macro in enumerate(values)
        ]
        append_rows(ORDER_TABLE, tmp_path, collect("mitdb", "paper"), rows)
        return tmp_path

    return written


def test_the_interval_is_students() -> None:
    values = [0.6, 0.62, 0.58, 0.65, 0.61]
    found = t_interval(pd.Series(values))
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.mean, found.count) == (pytest.approx(0.612), 5)


def test_one_seed_has_a_mean_and_no_interval_and_none_has_neither() -> None:
    one = t_interval(pd.Series([0.5, None], dtype="Float64"))
    assert one is not None
    assert (one.mean, one.low, one.high, one.count) == (0.5, None, None, 1)
    assert one.holds(0.5) is None
    assert t_interval(pd.Series([None], dtype="Float64")) is None


@pytest.mark.parametrize(
    ("a2", "verdict", "outside"),
    [
        ([0.61, 0.62, 0.60], "yes", "none of these orders"),
        ([0.51, 0.52, 0.50], "no", "two-level 16 x 16"),
    ],
)
def test_the_verdict_is_by_the_global_orders_interval(
    write: Write, a2: list[float | None], verdict: str, outside: str
) -> None:
    text = render_orders(write({A0: [0.60, 0.62, 0.64], A2: a2}), "test")
    # t(0.975, 2) = 4.303 times 0.02 over the root of 3
    assert "within A0's 95 % interval (0.570 to 0.670, n = 3): " + verdict in text
    assert f"mean outside A0's interval: {outside}" in text


def test_the_difference_is_taken_seed_by_seed(write: Write) -> None:
    text = render_orders(write({A0: [0.60, 0.70, 0.80], A2: [0.59, 0.70, 0.78]}), "test")
    assert "A2 - A0, seed by seed: -0.010 (-0.035 to +0.015, n = 3)" in text


@pytest.mark.parametrize("scores", [{A0: [0.6], A2: [0.6]}, {A2: [0.6, 0.7]}])
def test_without_an_interval_there_is_no_verdict(
    write: Write, scores: dict[Order, list[float | None]]
) -> None:
    text = render_orders(write(scores), "test")
    assert "parity: not judged" in text
    assert "within" not in text


def test_an_undefined_score_is_left_out_and_shown_as_such(write: Write) -> None:
    results = write({A0: [0.6, None, 0.7], A2: [None, None, None]})
    text = render_orders(results, "test")
    assert "0.650" in text
    assert "undefined" in text
    assert "A2's mean" not in text


def test_runs_and_protocols_are_not_mixed(write: Write) -> None:
    write({A0: [0.1, 0.1]})
    write({A0: [0.6, 0.7]})
    results = write({A0: [0.2]}, protocol="cross-validation")
    latest = latest_orders(results, "test")
    assert latest["macro_4_f1"].tolist() == [0.6, 0.7]
    assert list(by_order(latest)) == [A0]
    assert len(read_table(ORDER_TABLE, results)) == 5


def test_a_protocol_that_was_not_run_is_said_so(write: Write) -> None:
    text = render_orders(write({A0: [0.6]}), "cross-validation")
    assert text == "no order was compared by the protocol cross-validation"


def test_the_figure_is_drawn_and_the_same_again(write: Write, tmp_path: Path) -> None:
    swept = {Order("two-level", block, 16): [0.6, 0.62] for block in (32, 512)}
    blocks = {Order("block-only", block): [0.5, None] for block in (32, 128)}
    results = write({A0: [0.6, 0.64], A2: [0.6, 0.63], **swept, **blocks})
    first = draw_orders(results, tmp_path / "a")
    assert [path.name for path in first] == ["module1_orders.png", "module1_orders.pdf"]
    for path, again in zip(first, draw_orders(results, tmp_path / "b"), strict=True):
        assert path.stat().st_size > 1000
        assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("scores", [{A0: [0.6]}, {A2: [0.6, 0.7]}, {A0: [0.6, 0.6], A2: [None]}])
def test_a_figure_is_drawn_of_what_there_is(
    write: Write, tmp_path: Path, scores: dict[Order, list[float | None]]
) -> None:
    assert len(draw_orders(write(scores), tmp_path / "figures")) == 2


def test_it_is_drawn_with_the_modules_figures(write: Write, tmp_path: Path) -> None:
    names = [path.name for path in draw(write({A0: [0.6, 0.64], A2: [0.6]}), tmp_path / "all")]
    assert names == ["module1_orders.png", "module1_orders.pdf"]


def test_without_rows_there_is_no_figure(write: Write, tmp_path: Path) -> None:
    assert draw_orders(tmp_path, tmp_path) == []
    write({A0: [0.6]}, protocol="cross-validation")
    assert draw_orders(tmp_path, tmp_path) == []
    write({A0: [None], A2: [None]})
    assert draw_orders(tmp_path, tmp_path) == []
