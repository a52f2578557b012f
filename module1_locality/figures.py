"""Figures of module 1, from the raw rows of the latest run of each table."""

from pathlib import Path

import pandas as pd

from crossscale_results import Table, read_table
from module1_locality.classifier_figure import draw_classifiers
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.ladder_figures import draw_assembly, draw_breakdown, draw_throughput
from module1_locality.order_figure import draw_orders
from module1_locality.peer_figure import draw_peers
from module1_locality.summary import latest_run


def draw(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw what there are rows for; the files that were written."""
    paths = []
    if (ladder := _rows(LADDER_TABLE, results_dir)) is not None:
        measured = ladder[ladder["step_ms"].notna()]
        paths += draw_throughput(measured, out_dir)
        paths += draw_breakdown(measured, out_dir)
    if (assembly := _rows(ASSEMBLY_TABLE, results_dir)) is not None:
        paths += draw_assembly(assembly, out_dir)
    for draw_more in (draw_peers, draw_orders, draw_classifiers):
        paths += draw_more(results_dir, out_dir)
    return paths


def _rows(table: Table, results_dir: Path) -> pd.DataFrame | None:
    if not (results_dir / f"{table.name}.csv").is_file():
        return None
    frame = read_table(table, results_dir)
    return None if frame.empty else latest_run(frame)
