"""Figures of module 1, from the raw rows of the latest run of each table."""

from pathlib import Path

from module1_locality.classifier_figure import draw_classifiers
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.ladder_figures import draw_assembly, draw_breakdown, draw_throughput
from module1_locality.order_figure import draw_orders
from module1_locality.peer_figure import draw_peers
from module1_locality.summary import latest_rows


def draw(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw what there are rows for; the files that were written."""
    paths = []
    if (ladder := latest_rows(LADDER_TABLE, results_dir)) is not None:
        measured = ladder[ladder["step_ms"].notna()]
        if not measured.empty:
            paths += draw_throughput(measured, out_dir)
            paths += draw_breakdown(measured, out_dir)
    if (assembly := latest_rows(ASSEMBLY_TABLE, results_dir)) is not None:
        paths += draw_assembly(assembly, out_dir)
    for draw_more in (draw_peers, draw_orders, draw_classifiers):
        paths += draw_more(results_dir, out_dir)
    return paths
