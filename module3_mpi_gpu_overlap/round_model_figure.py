"""Rounds of growing worlds on links: what was measured, and what the cost model says of them."""

from pathlib import Path

from crossscale_results.style import COLOURS, MARKERS, PALETTE, new_figure, save_figure
from module3_mpi_gpu_overlap.round_model_columns import ROUND_MODEL
from module3_mpi_gpu_overlap.selection import last_run, profile_rows


def draw_round_model(results_dir: Path, out_dir: Path) -> list[Path]:
    """A round's time, and communication's share of it, by hosts; [] without rows."""
    rows = profile_rows(ROUND_MODEL, results_dir)
    if rows is None:
        return []
    rows = last_run(rows).sort_values("world_size")
    figure, (times, shares) = new_figure(width_in=7.0, height_in=3.8, columns=2)
    for i, (network, own) in enumerate(rows.groupby("network", sort=False)):
        worlds = own["world_size"]
        for axes, part, unit in ((times, "round_s", 1), (shares, "communication_ratio", 100)):
            seen, modelled = own[f"measured_{part}"] * unit, own[f"predicted_{part}"] * unit
            axes.plot(worlds, seen, color=COLOURS[i], marker=MARKERS[i], label=str(network))
            axes.plot(worlds, modelled, color=COLOURS[i], linestyle="--")
    fitted = int(rows["world_size"].min())
    for axes in (times, shares):
        axes.set_ylim(bottom=0)
        axes.set_xticks(sorted(rows["world_size"].unique()))
        axes.axvline(fitted, color=PALETTE["black"], linewidth=0.8, linestyle=":")
        axes.set_xlabel(f"hosts ({fitted}: seen by the model)")
    times.set_ylabel("a round (s, median)")
    times.set_title("The same work, more hosts")
    shares.set_ylabel("communication (% of the round)")
    shares.set_title("Communication's share")
    handles, names = times.get_legend_handles_labels()
    figure.legend(
        *(handles, names),
        loc="outside upper center",
        ncols=len(names),
        fontsize=8,
        title="solid: measured, dashed: the cost model",
        title_fontsize=8,
    )
    return save_figure(figure, out_dir, "module3_round_model", rows)
