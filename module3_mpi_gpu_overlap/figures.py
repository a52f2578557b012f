"""The module's figures: what a round is made of, and what the collective costs by model size.

Those of accuracy, wires, links and the cost model are in files of their own.
"""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from crossscale_results.style import COLOURS, MARKERS, PALETTE, new_figure, save_figure
from module3_mpi_gpu_overlap.accuracy_figure import draw_accuracy
from module3_mpi_gpu_overlap.columns import ALLREDUCE, ROUNDS
from module3_mpi_gpu_overlap.launch import ONE_NODE
from module3_mpi_gpu_overlap.link_figure import draw_links
from module3_mpi_gpu_overlap.model_figures import draw_model
from module3_mpi_gpu_overlap.peer_figure import draw_peers
from module3_mpi_gpu_overlap.quartiles import draw_quartiles
from module3_mpi_gpu_overlap.round_model_figure import draw_round_model
from module3_mpi_gpu_overlap.selection import crowded_words, per_round, profile_rows
from module3_mpi_gpu_overlap.wire_figure import draw_wire

PARTS = {
    "train_s": ("local training", PALETTE["blue"]),
    "preparation_s": ("preparing the next round", PALETTE["sky"]),
    "blocked_idle_s": ("idle: waiting for the last rank", PALETTE["orange"]),
    "exposed_communication_s": ("exposed communication", PALETTE["vermillion"]),
}

OTHERS = (draw_accuracy, draw_wire, draw_links, draw_model, draw_round_model, draw_peers)


def draw(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw what there are rows for; the files that were written."""
    paths = []
    rounds = profile_rows(ROUNDS, results_dir, "bench")
    if rounds is not None:
        paths += draw_rounds(rounds, out_dir, "module3_rounds")
        paths += draw_throughput(rounds, out_dir)
    strong = profile_rows(ROUNDS, results_dir, "strong-scaling")
    if strong is not None:
        paths += draw_strong_scaling(strong, out_dir)
    on_links = profile_rows(ROUNDS, results_dir, "links")
    if on_links is not None:
        paths += draw_rounds(on_links, out_dir, "module3_link_rounds")
    allreduce = profile_rows(ALLREDUCE, results_dir)
    if allreduce is not None:
        paths += draw_allreduce(allreduce[allreduce["sum"] == "mpi"], out_dir)
    for others in OTHERS:
        paths += others(results_dir, out_dir)
    return paths


def draw_rounds(rows: pd.DataFrame, out_dir: Path, name: str) -> list[Path]:
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
        crowd = len(places) > 12
        shown = [label.replace("\n", ", ") for label in labels] if crowd else labels
        axes.set_xticks(places, shown, fontsize=6 if len(places) > 6 else 8, rotation=90 * crowd)
        axes.grid(axis="x", visible=False)
        axes.set_xlabel("mode, ranks" + (f" (* {crowded_words(rows)})" if crowded.any() else ""))
    whole.set_ylabel("mean over ranks (ms, median of rounds)")
    links = [link for link in rows["link"].unique() if link != ONE_NODE]
    whole.set_title("A round" + (f": {', '.join(links)}" if links else ""))
    rest.set_title("The same without local training")
    handles, names = whole.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2, fontsize=8)
    return save_figure(figure, out_dir, name, rows)


def draw_throughput(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Median and quartiles of beats a second over the world's size; each rank adds work."""
    figure, axes = new_figure(width_in=5.5, height_in=3.6)
    crowded = rows.groupby("world_size")["oversubscribed"].any()
    rounds = rows[rows["rank"] == 0]
    for i, (mode, own) in enumerate(rounds.groupby("mode")):
        rates = own.groupby("world_size")["throughput_samples_per_s"]
        draw_quartiles(axes, rates, 0.15, color=COLOURS[i], marker=MARKERS[i], label=mode)
    _ranks_axis(axes, crowded, crowded_words(rows))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("beats trained on a second")
    axes.set_title("Weak scaling: every rank as many local steps")
    axes.legend(fontsize=8)
    return save_figure(figure, out_dir, "module3_throughput", rounds)


def draw_strong_scaling(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Median and quartiles of a round's time over the world's size, for the same work together."""
    figure, axes = new_figure(width_in=5.5, height_in=3.6)
    crowded = rows.groupby("world_size")["oversubscribed"].any()
    worlds = list(crowded.index)
    rounds = rows[rows["rank"] == 0]
    alone_s = float(rounds.loc[rounds["world_size"] == worlds[0], "round_s"].median())
    shared_out = [alone_s * worlds[0] / world for world in worlds]
    axes.plot(worlds, shared_out, color=PALETTE["black"], linestyle=":", label="shared out evenly")
    for i, (mode, own) in enumerate(rounds.groupby("mode")):
        rounds_s = own.groupby("world_size")["round_s"]
        draw_quartiles(axes, rounds_s, 0.15, color=COLOURS[i], marker=MARKERS[i], label=mode)
    _ranks_axis(axes, crowded, crowded_words(rows))
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.set_ylabel("a round (s, median and quartiles)")
    steps = int(rounds["local_steps"].iloc[0] * rounds["world_size"].iloc[0])
    axes.set_title(f"Strong scaling: {steps} local steps a round")
    axes.legend(fontsize=8)
    return save_figure(figure, out_dir, "module3_strong_scaling", rounds)


def _ranks_axis(axes: Axes, crowded: "pd.Series[bool]", words: str) -> None:
    """World sizes, marked where they are `crowded`."""
    worlds = list(crowded.index)
    axes.set_xscale("log", base=2)
    axes.set_xticks(worlds, [f"{world}{'*' if crowded[world] else ''}" for world in worlds])
    axes.set_xlabel("ranks" + (f" (* {words})" if crowded.any() else ""))


def draw_allreduce(rows: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Median and quartiles of the collective's time over the buffer's size, by world size."""
    figure, axes = new_figure(width_in=5.5, height_in=3.6)
    for i, (world, own) in enumerate(rows.groupby("world_size")):
        crowded = bool(own["oversubscribed"].any())
        draw_quartiles(
            axes,
            (own["allreduce_s"] * 1e3).groupby(own["elements_count"]),
            color=COLOURS[i],
            marker=MARKERS[i],
            linestyle="--" if crowded else "-",
            label=f"{world} rank{'' if world == 1 else 's'}" + (" *" if crowded else ""),
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("numbers summed (float32)")
    axes.set_ylabel("MPI_Allreduce (ms, median and quartiles)")
    axes.set_title("The collective alone")
    note = "* more ranks than cores" if rows["oversubscribed"].any() else None
    axes.legend(fontsize=8, title=note, title_fontsize=8)
    return save_figure(figure, out_dir, "module3_allreduce", rows)
