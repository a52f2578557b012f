"""One look for every figure, and a caption that says on what it was measured."""

import os
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from cycler import cycler
from matplotlib.figure import Figure

# Okabe & Ito 2008: eight colours that colour-blind readers can tell apart.
PALETTE = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
COLOURS = tuple(PALETTE.values())
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # shape doubles colour, for grey prints

_STYLE: dict[str, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "pdf.fonttype": 42,
    "svg.hashsalt": "crossscale-ecg",
    "axes.prop_cycle": cycler(color=list(COLOURS)),
}


def new_figure(
    width_in: float = 6.5, height_in: float = 3.6, columns: int = 1
) -> tuple[Figure, Any]:
    """A figure in the suite's style with `columns` axes side by side (an array if more than 1)."""
    mpl.rcdefaults()  # a user's own settings must not change the figures
    mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]
    return plt.subplots(1, columns, figsize=(width_in, height_in), layout="constrained")


def save_figure(figure: Figure, out_dir: Path, name: str, frame: pd.DataFrame) -> list[Path]:
    """Write `<name>.png` and `<name>.pdf`, captioned from the rows the figure shows.

    The same rows give the same bytes: no date or version enters the files.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    figure.supxlabel(caption(frame), fontsize=6.5, color="#444444", x=0.01, ha="left")
    if (frame["dataset"] == "synthetic").any():
        figure.suptitle("SYNTHETIC DATA", fontsize=9, color=PALETTE["vermillion"], weight="bold")
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None}}
    paths = []
    for suffix, about in metadata.items():
        path = out_dir / f"{name}.{suffix}"
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        figure.savefig(unfinished, format=suffix, metadata=about)
        unfinished.replace(path)
        paths.append(path)
    plt.close(figure)
    return paths


def caption(frame: pd.DataFrame) -> str:
    """Dataset, machine, sample count and code of the rows, on two lines."""

    def said(column: str) -> str:
        return " / ".join(str(value) for value in frame[column].unique())

    dirty = " with local changes" if frame["git_dirty"].any() else ""
    return (
        f"dataset {said('dataset')}; {said('cpu_model')}, {said('cpu_isa')}, "
        f"{said('cores_count')} cores; accelerator {said('accelerator')}\n"
        f"n = {len(frame)} rows, profile {said('profile')}; CrossScale-ECG "
        f"{said('suite_version')}, commit {said('git_revision')}{dirty}"
    )
