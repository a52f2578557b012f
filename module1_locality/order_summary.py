"""Orders compared: mean macro-F1 and its interval over seeds, and whether an order keeps parity."""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy import stats

from crossscale_results import read_table
from crossscale_results.reader import has_rows
from module1_locality.epoch_orders import Order
from module1_locality.order_columns import ORDER_TABLE
from module1_locality.order_config import DEFAULT
from module1_locality.summary import latest_run

BASELINE = Order("global")
CONFIDENCE = 0.95
_WIDTHS = (7, 7, 7, 7, 9, 10, 13)


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and its Student-t interval; without ends where one seed is all."""

    mean: float
    low: float | None
    high: float | None
    count: int

    def holds(self, value: float) -> bool | None:
        """Whether the value lies inside; None where the interval has no ends."""
        if self.low is None or self.high is None:
            return None
        return self.low <= value <= self.high


def latest_orders(results_dir: Path, protocol: str) -> pd.DataFrame:
    """The rows of the last run of that protocol; none if it was not run."""
    frame = read_table(ORDER_TABLE, results_dir)
    frame = frame[frame["protocol"] == protocol]
    return latest_run(frame) if len(frame) else frame


def scored_orders(results_dir: Path) -> pd.DataFrame | None:
    """The last run's rows that are scored on DS2; None if there are none."""
    if not has_rows(ORDER_TABLE, results_dir):
        return None
    rows = latest_orders(results_dir, protocol="test")
    return None if rows.empty else rows


def by_order(frame: pd.DataFrame) -> dict[Order, pd.DataFrame]:
    """Each order's rows, in the order of the run."""
    found: dict[Order, pd.DataFrame] = {}
    for _, rows in frame.groupby(
        ["order", "block_windows_count", "buffer_blocks_count"], sort=False
    ):
        found[order_of(rows.iloc[0])] = rows
    return found


def order_of(row: pd.Series) -> Order:
    """The order that a row was trained in."""
    return Order(row["order"], int(row["block_windows_count"]), int(row["buffer_blocks_count"]))


def t_interval(values: pd.Series) -> Interval | None:
    """Mean and 95 % interval of the mean by Student's t, of the values that are defined."""
    defined = values.dropna().to_numpy(float)
    count = len(defined)
    if count == 0:
        return None
    mean = float(defined.mean())
    if count == 1:
        return Interval(mean, None, None, 1)
    error = float(defined.std(ddof=1)) / math.sqrt(count)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    return Interval(mean, mean - half, mean + half, count)


def paired_difference(rows: pd.DataFrame, base: pd.DataFrame) -> Interval | None:
    """Macro-F1 of one order less another's, seed by seed; None if no seed has both."""
    differences = rows.set_index("seed")["macro_4_f1"] - base.set_index("seed")["macro_4_f1"]
    return t_interval(differences)


def render_orders(results_dir: Path, protocol: str) -> str:
    """Every order's scores, diversity and speed, then the verdicts."""
    frame = latest_orders(results_dir, protocol)
    if frame.empty:
        return f"no order was compared by the protocol {protocol}"
    orders = by_order(frame)
    first = frame.iloc[0]
    heads = ("N", "S", "V", "F", "classes", "patients", "assembled/s")
    lines = [
        f"{first['model']}, {first['epochs']} epochs, {first['scored_on']}; mean over seeds (95 %)",
        f"{'order':<20}{'macro-F1':>24}"
        + "".join(f"{head:>{width}}" for head, width in zip(heads, _WIDTHS, strict=True)),
    ]
    lines += [_line(order, rows) for order, rows in orders.items()]
    return "\n".join([*lines, *verdicts(orders)])


def verdicts(orders: dict[Order, pd.DataFrame]) -> list[str]:
    """Whether A2 as it comes keeps A0's accuracy, and which orders do not; a sentence each."""
    intervals = {order: t_interval(rows["macro_4_f1"]) for order, rows in orders.items()}
    base = intervals.get(BASELINE)
    if base is None or base.low is None or base.high is None:
        return ["parity: not judged, it takes two seeds of the global order"]
    lines = []
    ours = intervals.get(DEFAULT)
    if ours is not None:
        lines.append(
            f"A2's mean ({DEFAULT}: {ours.mean:.3f}) within A0's 95 % interval "
            f"({base.low:.3f} to {base.high:.3f}, n = {base.count}): "
            f"{'yes' if base.holds(ours.mean) else 'no'}"
        )
        difference = paired_difference(orders[DEFAULT], orders[BASELINE])
        if difference is not None and difference.low is not None:
            lines.append(
                f"A2 - A0, seed by seed: {difference.mean:+.3f} "
                f"({difference.low:+.3f} to {difference.high:+.3f}, n = {difference.count})"
            )
    others = {order: found for order, found in intervals.items() if order != BASELINE and found}
    broken = [str(order) for order, found in others.items() if not base.holds(found.mean)]
    lines.append(f"mean outside A0's interval: {', '.join(broken) or 'none of these orders'}")
    return lines


def _line(order: Order, rows: pd.DataFrame) -> str:
    macro = t_interval(rows["macro_4_f1"])
    said = "undefined" if macro is None else f"{macro.mean:.3f}"
    if macro is not None and macro.low is not None:
        said += f" ({macro.low:.3f} to {macro.high:.3f})"
    cells = [
        *(_mean(rows[f"{name}_f1"]) for name in "nsvf"),
        f"{rows['classes_per_batch_count'].mean():.1f}",
        f"{rows['patients_per_batch_count'].mean():.1f}",
        f"{rows['assembled_samples_per_s'].median():,.0f}",
    ]
    right = "".join(f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    return f"{order!s:<20}{said:>24}{right}"


def _mean(scores: pd.Series) -> str:
    return "-" if scores.isna().all() else f"{scores.mean():.3f}"
