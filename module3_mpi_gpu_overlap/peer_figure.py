"""Figure of the other runners beside the suite's rounds: what a round is made of, and the rest."""

from pathlib import Path

import pandas as pd

from crossscale_results.style import PALETTE, new_figure, save_figure
from module3_mpi_gpu_overlap.peer_columns import PEERS
from module3_mpi_gpu_overlap.selection import profile_rows, warm_rounds

EVERY_STEP = "steps_s"  # local steps that hold their communication
PARTS = {
    "train_s": ("local steps", PALETTE["blue"]),
    EVERY_STEP: ("steps with communication in each", PALETTE["purple"]),
    "drawing_s": ("drawing batches", PALETTE["sky"]),
    "runner_overhead_s": ("all else: the runner", PALETTE["vermillion"]),
}


def draw_peers(results_dir: Path, out_dir: Path) -> list[Path]:
    """Medians over warm rounds, stacked, the shortest round on top; none without rows."""
    rows = profile_rows(PEERS, results_dir)
    if rows is None:
        return []
    rows = warm_rounds(rows[rows["round_s"].notna()])
    if rows.empty:
        return []
    parts = _parts(rows)
    figure, panels = new_figure(width_in=7.2, height_in=1.6 + 0.26 * len(parts), columns=2)
    whole, rest = panels
    for axes, shown in ((whole, list(PARTS)), (rest, ["drawing_s", "runner_overhead_s"])):
        left = pd.Series(0.0, parts.index)
        known = parts if axes is whole else parts[parts["overhead_s"].notna()]
        for name in shown:
            label, colour = PARTS[name]
            width = (known[name] * 1e3).reindex(parts.index).fillna(0.0)
            axes.barh(range(len(parts)), width, 0.72, left, color=colour, label=label)
            left += width
    for y, name in enumerate(parts.index):
        samples_ms = rows[rows["contestant"] == name]["overhead_s"].astype(float) * 1e3
        rest.plot(samples_ms, [y] * len(samples_ms), ".", color="black", alpha=0.3, markersize=3)
    whole.set_yticks(range(len(parts)), list(parts.index), fontsize=7)
    rest.set_yticks(range(len(parts)), [""] * len(parts))
    whole.set_xlabel("a round (ms, medians)")
    rest.set_xlabel("overhead: all but local steps (ms)")
    for axes in panels:
        axes.grid(axis="y", visible=False)
    steps, clients = (int(rows[name].iloc[0]) for name in ("local_steps", "clients_count"))
    handles, names = whole.get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="outside upper center",
        ncols=len(names),
        fontsize=7.5,
        title=f"{steps} local steps of {clients} clients: medians, and raw samples",
    )
    return save_figure(figure, out_dir, "module3_peers", rows)


def _parts(rows: pd.DataFrame) -> pd.DataFrame:
    """Median seconds of each part by contestant, the longest round first."""
    names = ["round_s", "train_s", "preparation_s", "overhead_s", "runner_overhead_s"]
    own = rows[names].astype(float)
    own["drawing_s"] = (own["overhead_s"] - own["runner_overhead_s"]).fillna(own["preparation_s"])
    own[EVERY_STEP] = (own["round_s"] - own["preparation_s"]).where(own["train_s"].isna())
    medians = own.groupby(rows["contestant"]).median()
    return medians.sort_values("round_s", ascending=False)
