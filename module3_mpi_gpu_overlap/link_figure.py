"""The link sweep's figure: what an Allreduce takes from LAN to WAN, by size."""

from pathlib import Path
from typing import Any

import pandas as pd

from crossscale_results.style import COLOURS, MARKERS, new_panels, save_figure
from module3_mpi_gpu_overlap.collective_costs import FLOAT_BYTES
from module3_mpi_gpu_overlap.link_columns import LINKS
from module3_mpi_gpu_overlap.selection import profile_rows
from module3_mpi_gpu_overlap.virtual_link import UNSHAPED

WORLDS = (2, 4)


def draw_links(results_dir: Path, out_dir: Path) -> list[Path]:
    """Medians and quartiles of MPICH's own Allreduce over the link's rate; [] without rows."""
    rows = profile_rows(LINKS, results_dir)
    if rows is None:
        return []
    rows = rows[(rows["operation"] == "allreduce") & (rows["algorithm"] == "auto")]
    worlds = [world for world in WORLDS if (rows["world_size"] == world).any()]
    if not worlds:
        return []
    rows = rows[rows["world_size"].isin(worlds)]
    figure, panels = new_panels(7.0, 3.8, len(worlds))
    links = _links(rows)
    for axes, world in zip(panels, worlds, strict=True):
        own = rows[rows["world_size"] == world]
        for i, size in enumerate(sorted(own["message_bytes"].unique())):
            by_link = own[own["message_bytes"] == size].groupby("link")["elapsed_s"]
            low, middle, high = (
                by_link.quantile(q).reindex(links).astype(float) * 1e3 for q in (0.25, 0.5, 0.75)
            )
            places = range(len(links))
            style: dict[str, Any] = {"color": COLOURS[i], "marker": MARKERS[i]}
            axes.plot(places, middle, label=f"{int(size) // FLOAT_BYTES:,} numbers", **style)
            axes.fill_between(places, low, high, color=COLOURS[i], alpha=0.2, linewidth=0)
        crowded = " *" if bool(own["oversubscribed"].any()) else ""
        axes.set_title(f"{world} hosts{crowded}")
        axes.set_yscale("log")
        axes.set_xticks(range(len(links)), links, fontsize=8)
        axes.set_xlabel("each host's link")
    limits = [limit for axes in panels for limit in axes.get_ylim()]
    for axes in panels:
        axes.set_ylim(min(limits), max(limits))
    panels[0].set_ylabel("MPI_Allreduce (ms, median, quartiles)")
    handles, names = panels[0].get_legend_handles_labels()
    note = "* more ranks than cores" if rows["oversubscribed"].any() else None
    figure.legend(
        *(handles, names), loc="outside upper center", ncols=len(names), fontsize=8, title=note
    )
    return save_figure(figure, out_dir, "module3_links", rows)


def _links(rows: pd.DataFrame) -> list[str]:
    """The links, fastest first."""
    rates = rows.groupby("link")["link_gb_per_s"].first().astype(float)
    shaped = rates.drop(UNSHAPED, errors="ignore").sort_values(ascending=False)
    return [*([UNSHAPED] if UNSHAPED in rates.index else []), *map(str, shaped.index)]
