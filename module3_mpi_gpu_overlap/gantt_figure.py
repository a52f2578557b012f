"""A trace as a Gantt chart: what each rank did when."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from crossscale_results.errors import UserError
from crossscale_results.style import COLOURS, PALETTE, new_figure, save_figure
from module3_mpi_gpu_overlap.trace import (
    EXPOSED,
    IDLE,
    PREPARE,
    TRAIN,
    UNDER_WAY,
    WORK,
    Span,
    lane_of,
)

COLOUR_OF = {
    TRAIN: PALETTE["blue"],
    PREPARE: PALETTE["sky"],
    IDLE: PALETTE["orange"],
    EXPOSED: PALETTE["vermillion"],
    UNDER_WAY: PALETTE["purple"],
}
LANE_IN = 0.22


def draw_gantt(
    spans: Sequence[Span], rows: pd.DataFrame, out_dir: Path, name: str = "module3_gantt"
) -> list[Path]:
    """Draw the spans, a bar for each lane of each rank; the files that were written.

    Args:
        spans: of all ranks, in seconds on one clock.
        rows: the run's rows, for the caption.
        out_dir: where `<name>.png` and `.pdf` go.
        name: of the files.

    Raises:
        UserError: there are no spans.
    """
    if not spans:
        raise UserError("a Gantt chart needs at least one span")
    lanes = sorted(
        {(span.rank, lane_of(span)) for span in spans}, key=lambda lane: (lane[0], lane[1] != WORK)
    )
    zero_s = min(span.start_s for span in spans)
    figure, axes = new_figure(7.0, 1.9 + LANE_IN * len(lanes))
    names = list(dict.fromkeys(span.name for span in spans))
    others = [what for what in names if what not in COLOUR_OF]
    colours = COLOUR_OF | {what: COLOURS[(i + 4) % len(COLOURS)] for i, what in enumerate(others)}
    for what in names:
        for at, lane in enumerate(lanes):
            bars = [
                ((span.start_s - zero_s) * 1e3, (span.end_s - span.start_s) * 1e3)
                for span in spans
                if span.name == what and (span.rank, lane_of(span)) == lane
            ]
            axes.broken_barh(bars, (at - 0.4, 0.8), color=colours[what], linewidth=0)
        axes.broken_barh([], (0, 0), color=colours[what], label=what)
    axes.set_yticks(range(len(lanes)), [f"rank {rank}, {lane}" for rank, lane in lanes], fontsize=8)
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("since the first rank began (ms)")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=8)
    return save_figure(figure, out_dir, name, rows)
