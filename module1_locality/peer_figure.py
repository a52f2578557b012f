"""Figure of the comparison with other data loaders: samples/s, and the share of memcpy."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, FormatStrFormatter

from crossscale_results.style import PALETTE, label_decades, new_figure, save_figure
from module1_locality.peer_columns import PEERS_TABLE
from module1_locality.summary import latest_rows, median_and_quartiles

_COLOURS = {
    "bound": PALETTE["black"],
    "suite": PALETTE["blue"],
    "best": PALETTE["orange"],
    "default": PALETTE["yellow"],
}
_SAID = {
    "bound": "bound: memcpy",
    "suite": "this suite",
    "best": "library, fastest of its settings",
    "default": "library as documented",
}


def draw_peers(results_dir: Path, out_dir: Path) -> list[Path]:
    """Bars of the latest comparison at the batch size nearest to 256; none without its rows."""
    frame = latest_rows(PEERS_TABLE, results_dir)
    if frame is None:
        return []
    frame = frame[frame["assembled_samples_per_s"].notna()]
    if frame.empty:
        return []
    batch_size = min(frame["batch_size"].unique(), key=lambda size: abs(int(size) - 256))
    frame = frame[frame["batch_size"] == batch_size]
    groups = [part for _, part in frame.groupby(["contestant", "choice", "settings"])]
    groups.sort(key=lambda part: float(part["assembled_samples_per_s"].median()))
    figure, axes = new_figure(width_in=7.2, height_in=1.4 + 0.24 * len(groups), columns=2)
    rates, shares = axes
    for y, rows in enumerate(groups):
        colour = _COLOURS[_kind(rows)]
        _bar(rates, y, rows["assembled_samples_per_s"], colour)
        _bar(shares, y, 100 * rows["memcpy_share_ratio"], colour)
    rates.set_yticks(range(len(groups)), [_label(rows) for rows in groups], fontsize=7)
    shares.set_yticks(range(len(groups)), [""] * len(groups))
    rates.set_xlabel("windows assembled [samples/s]")
    shares.set_xlabel("share of memcpy bandwidth [%]")
    for panel, form in ((rates, EngFormatter()), (shares, FormatStrFormatter("%g"))):
        panel.set_xscale("log")
        label_decades(panel, form)
        panel.margins(y=0.01)
        panel.grid(axis="y", visible=False)
    kinds = dict.fromkeys(_kind(rows) for rows in reversed(groups))
    figure.legend(
        handles=[Patch(color=_COLOURS[kind], label=_SAID[kind]) for kind in kinds],
        loc="outside upper center",
        ncols=len(kinds),
        fontsize=7.5,
        title=f"Host assembly at batch {batch_size}: median, quartiles, raw samples",
    )
    return save_figure(figure, out_dir, "module1_peers", frame)


def _kind(rows: pd.DataFrame) -> str:
    role = str(rows["role"].iloc[0])
    return str(rows["choice"].iloc[0]) if role == "peer" else role


def _label(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    return f"{first['contestant']} ({first['order']})"


def _bar(axes: Any, y: int, values: pd.Series, colour: str) -> None:
    middle, low, high, _ = median_and_quartiles(values)
    axes.barh(y, middle, 0.72, color=colour)
    axes.plot(values.astype(float), [y] * len(values), ".", color="black", alpha=0.3, markersize=3)
    axes.errorbar(
        middle, y, xerr=[[middle - low], [high - middle]], color="black", capsize=2, linewidth=0.9
    )
