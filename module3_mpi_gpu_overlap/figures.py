"""The module's figures: what a round is made of, and what the collective costs by model size."""

from pathlib import Path

import pandas as pd

from crossscale_results.style import COLOURS, MARKERS, PALETTE, new_figure, save_figure
from module3_mpi_gpu_overlap.columns import ALLREDUCE, ROUNDS
from module3_mpi_gpu_overlap.link_figure import draw_links
from module3_mpi_gpu_overlap.model_figures import draw_model
from module3_mpi_gpu_overlap.selection import per_round, profile_rows
from module3_mpi_gpu_overlap.wire_figure import draw_wire

PARTS = {
    "train_s": ("local training", PALETTE["blue"]),
    "preparation_s": ("preparing the next round", PALETTE["sky"]),
    "blocked_idle_s": ("idle: waiting for the last rank", PALETTE["orange"]),
    "exposed_communication_s": ("exposed communication", PALETTE["vermillion"]),
}


def draw(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw what there are rows for; the files that were written."""
    paths = []
    rounds = profile_rows(ROUNDS, results_dir)
    if rounds is not None:
        paths += draw_rounds(rounds[rounds["precision"] == "float32"], out_dir)
    allreduce = profile_rows(ALLREDUCE, results_dir)
    if allreduce is not None:
        paths += draw_allreduce(allreduce[allreduce["sum"] == "mpi"], out_dir)
    for others in (draw_wire, draw_links, draw_model):
        paths += others(results_dir, out_dir)
    return paths


def draw_rounds(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Medians over rounds of a round's parts, stacked, by world size and mode."""
    medians = per_round(rows, list(PARTS)).groupby(["world_size", "mode"]).median()
    crowded = rows.groupby("world_size")["oversubscribed"].any()
    figure, (whole, rest) = new_figure(width_in=7.0, height_in=3.8, columns=2)
    places = [
        i + 0.7 * list(crowded.index).index(world) for i, (world, _) in enumerate(medians.index)
    ]
    labels = [f"{mode}\n{world}{'*' if crowded[world] else ''}" for world, mode in medians.index]
    for axes, parts in ((whole, list(PARTS)), (rest, list(PARTS)[1:])):
        bottom = pd.Series(0.0, medians.index)
        for part in parts:
            label, colour = PARTS[part]
            height = medians[part] * 1e3
            axes.bar(places, height, 0.85, bottom, color=colour, label=label)
            bottom += height
        axes.set_xticks(places, labels, fontsize=6 if len(places) > 6 else 8)
        axes.grid(axis="x", visible=False)
        axes.set_xlabel("mode, ranks" + (" (* more ranks than cores)" if crowded.any() else ""))
    whole.set_ylabel("mean over ranks (ms, median of rounds)")
    whole.set_title("A round")
    rest.set_title("The same without local training")
    handles, names = whole.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2, fontsize=8)
    return save_figure(figure, out_dir, "module3_rounds", rows)


def draw_allreduce(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Median and quartiles of the collective's time over the buffer's size, by world size."""
    figure, axes = new_figure(width_in=5.5, height_in=3.6)
    for i, (world, own) in enumerate(rows.groupby("world_size")):
        crowded = bool(own["oversubscribed"].any())
        seconds = own.groupby("elements_count")["allreduce_s"]
        low, middle, high = (seconds.quantile(q).astype(float) * 1e3 for q in (0.25, 0.5, 0.75))
        axes.plot(
            middle.index,
            middle,
            color=COLOURS[i],
            marker=MARKERS[i],
            linestyle="--" if crowded else "-",
            label=f"{world} rank{'' if world == 1 else 's'}" + (" *" if crowded else ""),
        )
        axes.fill_between(middle.index, low, high, color=COLOURS[i], alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("numbers summed (float32)")
    axes.set_ylabel("MPI_Allreduce (ms, median and quartiles)")
    axes.set_title("The collective alone")
    note = "* more ranks than cores" if rows["oversubscribed"].any() else None
    axes.legend(fontsize=8, title=note, title_fontsize=8)
    return save_figure(figure, out_dir, "module3_allreduce", rows)
