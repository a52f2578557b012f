"""Figures of module 1, from the raw rows of the latest run."""

from pathlib import Path
from typing import Any

import pandas as pd

from crossscale_results import Table, read_table
from crossscale_results.style import COLOURS, MARKERS, PALETTE, new_figure, save_figure
from module1_locality.classifier_figure import draw_classifiers
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.order_figure import draw_orders
from module1_locality.peer_figure import draw_peers
from module1_locality.summary import RUNG_ORDER, latest_run, median_and_quartiles


def draw(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw what there are rows for; the files that were written."""
    paths = []
    if (ladder := _rows(LADDER_TABLE, results_dir)) is not None:
        measured = ladder[ladder["step_ms"].notna()]
        paths += _draw_throughput(measured, out_dir)
        paths += _draw_breakdown(measured, out_dir)
    if (assembly := _rows(ASSEMBLY_TABLE, results_dir)) is not None:
        paths += _draw_assembly(assembly, out_dir)
    for draw_more in (draw_peers, draw_orders, draw_classifiers):
        paths += draw_more(results_dir, out_dir)
    return paths


def _rows(table: Table, results_dir: Path) -> pd.DataFrame | None:
    if not (results_dir / f"{table.name}.csv").is_file():
        return None
    frame = read_table(table, results_dir)
    return None if frame.empty else latest_run(frame)


def _draw_throughput(ladder: pd.DataFrame, out_dir: Path) -> list[Path]:
    figure, axes = new_figure(height_in=3.4)
    _grouped_points(axes, ladder, "rung", _present(ladder["rung"]), "trained_samples_per_s")
    axes.set_ylabel("training throughput [samples/s]")
    axes.set_title("Training throughput: median, quartiles, raw samples")
    return save_figure(figure, out_dir, "module1_throughput", ladder)


def _draw_assembly(assembly: pd.DataFrame, out_dir: Path) -> list[Path]:
    figure, axes = new_figure(height_in=3.4)
    methods = [*_present(assembly["method"]), "memcpy"]
    _grouped_points(axes, assembly, "method", methods, "assembled_gb_per_s")
    axes.set_yscale("log")
    axes.set_ylabel("host assembly [GB/s]")
    axes.set_title("Host assembly alone, and the bound: copying in order")
    return save_figure(figure, out_dir, "module1_assembly", assembly)


def _grouped_points(
    axes: Any, frame: pd.DataFrame, column: str, names: list[str], value: str
) -> None:
    """For each name and batch size the raw samples, their median and their quartiles."""
    batch_sizes = sorted(frame["batch_size"].unique())
    for i, batch_size in enumerate(batch_sizes):
        for x, name in enumerate(names):
            rows = frame[(frame["batch_size"] == batch_size) & (frame[column] == name)]
            if rows.empty:
                continue
            middle, low, high, _ = median_and_quartiles(rows[value])
            at = x + 0.7 * ((i + 0.5) / len(batch_sizes) - 0.5)
            colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
            raw = rows[value].astype(float)
            axes.plot([at] * len(raw), raw, ".", color=colour, alpha=0.35, markersize=4)
            axes.errorbar(
                at,
                middle,
                yerr=[[middle - low], [high - middle]],
                fmt=marker,
                color=colour,
                capsize=2,
                markersize=5,
                label=f"batch {batch_size}" if x == 0 else None,
            )
    axes.set_xticks(range(len(names)), names)
    axes.grid(axis="x", visible=False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_breakdown(ladder: pd.DataFrame, out_dir: Path) -> list[Path]:
    """Stacked medians: compute alone, and what of the feeding it did not hide."""
    batch_sizes = sorted(ladder["batch_size"].unique())
    fed = ladder[ladder["exposed_ms"].notna()]
    names = _present(fed["rung"])
    figure, axes = new_figure(width_in=6.5, height_in=3.4, columns=len(batch_sizes))
    for panel, batch_size in zip(
        axes if len(batch_sizes) > 1 else [axes], batch_sizes, strict=True
    ):
        _breakdown_panel(panel, fed[fed["batch_size"] == batch_size], names)
        panel.set_title(f"batch {batch_size}")
    first = axes[0] if len(batch_sizes) > 1 else axes
    first.set_ylabel("time of a step [ms]")
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return save_figure(figure, out_dir, "module1_step_breakdown", ladder)


def _breakdown_panel(panel: Any, fed: pd.DataFrame, names: list[str]) -> None:
    for x, name in enumerate(names):
        rows = fed[fed["rung"] == name]
        if rows.empty:
            continue
        compute, *_ = median_and_quartiles(rows["compute_only_step_ms"])
        exposed, low, high, _ = median_and_quartiles(rows["exposed_ms"])
        said = x == 0  # one legend entry a part
        panel.bar(
            x, compute, 0.7, color=PALETTE["sky"], label="compute only (C0)" if said else None
        )
        panel.bar(
            x,
            exposed,
            0.7,
            bottom=compute,
            color=PALETTE["vermillion"],
            yerr=[[exposed - low], [high - exposed]],
            capsize=2,
            label="exposed feeding (step − C0)" if said else None,
        )
        if rows["assembly_ms"].notna().any():
            assembly, *_ = median_and_quartiles(rows["assembly_ms"])
            panel.plot(
                x,
                assembly,
                "D",
                color="black",
                markersize=4,
                label="host assembly, hidden or not" if said else None,
            )
    panel.set_xticks(range(len(names)), names, rotation=90 if len(names) > 4 else 0)
    panel.grid(axis="x", visible=False)


def _present(column: pd.Series) -> list[str]:
    """The rungs in the column, in the ladder's order."""
    return [name for name in RUNG_ORDER if (column == name).any()]
