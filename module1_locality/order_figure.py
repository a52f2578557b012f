"""What the block size buys in speed and costs in accuracy, on one chart."""

from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd

from crossscale_results.style import PALETTE, new_figure, save_figure
from module1_locality.epoch_orders import Order
from module1_locality.order_config import DEFAULT
from module1_locality.order_summary import BASELINE, by_order, scored_orders, t_interval

# Colour and marker of a series: orders of one depth of the shuffle buffer, A2's first.
_LOOKS = (
    (PALETTE["blue"], "o"),
    (PALETTE["vermillion"], "s"),
    (PALETTE["green"], "^"),
    (PALETTE["purple"], "D"),
    (PALETTE["orange"], "v"),
    (PALETTE["sky"], "P"),
)
_SPEED_SHARE = 0.3  # of the chart's height


def draw_orders(results_dir: Path, out_dir: Path) -> list[Path]:
    """Accuracy and assembly speed over block size in the latest run; the files written."""
    rows = scored_orders(results_dir)
    if rows is None or rows["macro_4_f1"].isna().all():
        return []
    orders = by_order(rows)
    figure, accuracy = new_figure(height_in=4.4)
    speed = accuracy.twinx()
    _band(accuracy, speed, orders.get(BASELINE))
    shown = [BASELINE]
    for blocks, (colour, marker) in zip(_buffers(orders), cycle(_LOOKS), strict=False):
        swept = sorted(
            (order for order in orders if order.block_windows and order.buffer_blocks == blocks),
            key=lambda order: order.block_windows,
        )
        label = f"buffer of {blocks} blocks" if blocks else "blocks only"
        look = {"color": colour, "marker": marker, "markersize": 5}
        _line(accuracy, speed, swept, orders, label, look)
        shown += swept
    _axes(accuracy, speed, sorted({order.block_windows for order in shown if order.block_windows}))
    figure.legend(loc="outside upper center", ncols=3)
    kept = pd.concat([orders[order] for order in shown if order in orders])
    return save_figure(figure, out_dir, "module1_orders", kept)


def _buffers(orders: Iterable[Order]) -> list[int]:
    """Depths of the shuffle buffer that blocks were swept at: A2's, none (0), then the others."""
    found = {order.buffer_blocks for order in orders if order.block_windows}
    first = [blocks for blocks in (DEFAULT.buffer_blocks, 0) if blocks in found]
    return first + sorted(found - set(first))


def _band(accuracy: Any, speed: Any, base: pd.DataFrame | None) -> None:
    """The global shuffle: it has no blocks, so that it goes across."""
    if base is None:
        return
    interval = t_interval(base["macro_4_f1"])
    if interval is None:
        return
    accuracy.axhline(interval.mean, color="black", linewidth=1.2, label="global shuffle (A0)")
    if interval.low is not None:
        accuracy.axhspan(
            interval.low,
            interval.high,
            color="#BBBBBB",
            alpha=0.4,
            label="95 % interval of its mean",
        )
    rate = base["assembled_samples_per_s"].median() / 1e6
    speed.axhline(rate, color="black", linewidth=1.2, linestyle=":")


def _line(
    accuracy: Any,
    speed: Any,
    swept: list[Order],
    orders: dict[Order, pd.DataFrame],
    label: str,
    look: dict[str, Any],
) -> None:
    blocks, means, rates = [], [], []
    for order in swept:
        f1 = orders[order]["macro_4_f1"].dropna().astype(float)
        if f1.empty:
            continue
        blocks.append(order.block_windows)
        means.append(f1.mean())
        rates.append(orders[order]["assembled_samples_per_s"].median() / 1e6)
        raw = look | {"markersize": 3, "alpha": 0.4, "linestyle": "none"}
        accuracy.plot([order.block_windows] * len(f1), f1, **raw)
    if blocks:
        accuracy.plot(blocks, means, label=label, **look)
        open_marker = look | {"markerfacecolor": "white", "linestyle": ":"}
        speed.plot(blocks, rates, **open_marker)


def _axes(accuracy: Any, speed: Any, blocks: list[int]) -> None:
    accuracy.set_title("By block size: accuracy (solid, left), host assembly (dotted, right)")
    accuracy.set_xscale("log", base=2)
    accuracy.set_xticks(blocks, [str(block) for block in blocks])
    accuracy.minorticks_off()
    accuracy.set_xlabel("block [beats]")
    accuracy.set_ylabel("macro-F1 of N, S, V, F on DS2")
    speed.set_ylabel("host assembly [million beats/s]")
    # Accuracy has the upper part of the chart to itself, speed the lower.
    low, high = accuracy.get_ylim()
    accuracy.set_ylim(low - _SPEED_SHARE / (1 - _SPEED_SHARE) * (high - low), high)
    accuracy.set_yticks([tick for tick in accuracy.get_yticks() if low <= tick <= high])
    speed.set_ylim(0, 1.25 * speed.dataLim.y1 / _SPEED_SHARE)
    speed.set_yticks([tick for tick in speed.get_yticks() if tick <= 1.25 * speed.dataLim.y1])
    speed.spines["right"].set_visible(True)
    speed.grid(visible=False)
