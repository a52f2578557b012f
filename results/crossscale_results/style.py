"""One look for every figure, and a caption that says on what it was measured."""

import hashlib
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import Formatter, LogLocator, NullFormatter
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from crossscale_results.errors import ResultsError
from crossscale_results.whole_file import whole_file

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

SYNTHETIC_WARNING = "SYNTHETIC DATA: times are real, scores say nothing about patients"

_FONT = "DejaVu Sans"  # comes with matplotlib: the same letters on every machine
_CAPTION_PT = 6.5
_MANY = 100.0  # times the least: three labels a decade would touch
_STYLE: dict[str, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "font.family": _FONT,
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
# Nothing that changes from run to run or machine to machine: no date, no version.
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
ROWS_KEY = {"png": "Source", "pdf": "Subject"}  # where a file keeps the digest of its rows


def apply_style() -> None:
    """Set matplotlib to the suite's style; a user's own settings must not change the figures."""
    mpl.rcdefaults()
    mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]


def new_figure(
    width_in: float = 6.5, height_in: float = 3.6, columns: int = 1
) -> tuple[Figure, Any]:
    """A figure in the suite's style with `columns` axes side by side (an array if more than 1)."""
    apply_style()
    # Not from pyplot: no window system, nothing to close, a notebook's own figures left alone.
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    return figure, figure.subplots(1, columns)


def new_panels(width_in: float, height_in: float, count: int) -> tuple[Figure, list[Axes]]:
    """The same with a list of axes, of one, too."""
    figure, axes = new_figure(width_in, height_in, count)
    return figure, list(np.atleast_1d(axes))


def save_figure(figure: Figure, out_dir: Path, name: str, frame: pd.DataFrame) -> list[Path]:
    """Write `<name>.png` and `<name>.pdf`, captioned from the rows the figure shows.

    The same rows give the same bytes: no date or version enters the files. A digest of the rows
    does (`ROWS_KEY`), so that a figure whose rows have changed can be told. The PNG holds the
    caption as its text `Description`, too, where the report finds it.

    Raises:
        ResultsError: the frame has no rows.
    """
    if frame.empty:
        raise ResultsError(f"figure {name} has no rows to show")
    out_dir.mkdir(parents=True, exist_ok=True)
    said = caption(frame)
    text = wrapped(said, _CAPTION_PT, 0.97 * 72 * float(figure.get_figwidth()))
    if (frame["dataset"] == "synthetic").any():
        text += "\n\n"  # room for the warning, which needs a line of its own colour
        figure.text(
            0.015, 0.012, SYNTHETIC_WARNING, size=9, color=PALETTE["vermillion"], weight="bold"
        )
    figure.supxlabel(text, fontsize=_CAPTION_PT, color="#444444", x=0.015, ha="left")
    digest = hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()[:16]
    return [_save(figure, out_dir / f"{name}.{suffix}", said, digest) for suffix in _METADATA]


def label_decades(axes: Axes, form: Formatter) -> None:
    """Label a logarithmic x axis at 1, 2 and 5 of each decade; of two decades and more at 1 alone.

    Call it once the limits are set. By default less than a decade gets labels of minor ticks, which
    run into each other.
    """
    low, high = axes.get_xlim()
    few = high / low < _MANY
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
    axes.xaxis.set_major_formatter(form)
    axes.xaxis.set_minor_formatter(NullFormatter())


def caption(frame: pd.DataFrame) -> str:
    """Dataset, machine, sample count and code of the rows."""

    def said(column: str) -> str:
        return " / ".join(sorted({str(value) for value in frame[column]}))

    def counted(column: str, what: str) -> str:
        numbers = sorted({int(value) for value in frame[column]})
        plural = "" if numbers == [1] else "s"
        return f"{' / '.join(map(str, numbers))} {what}{plural}"

    dirty = " with local changes" if frame["git_dirty"].any() else ""
    return (
        f"Dataset {said('dataset')}; {said('cpu_model')}, {said('cpu_isa')}, "
        f"{counted('cores_count', 'core')}, {counted('threads_count', 'thread')}; "
        f"accelerator {said('accelerator')}{_use(frame)}; "
        f"n = {len(frame)} row{'' if len(frame) == 1 else 's'}, profile {said('profile')}; "
        f"CrossScale-ECG {said('suite_version')}, commit {said('git_revision')}{dirty}"
    )


def _use(frame: pd.DataFrame) -> str:
    """Of rows that say what computed them: whether the accelerator did that was there."""
    # Where there are both, `device` is what was asked for.
    column = next((name for name in ("device_type", "device") if name in frame), None)
    # A figure of several modules has rows of tables without such a column, too.
    devices = sorted({str(d) for d in frame[column].dropna()}) if column else []
    if not devices:
        return ""
    if devices == ["cpu"]:
        return "" if (frame["accelerator"] == "none").all() else ", not used"
    return f" ({' / '.join(devices)})"


def wrapped(text: str, size_pt: float, width_pt: float) -> str:
    """The text broken into lines that are at most `width_pt` wide in the suite's letters."""
    font = FontProperties(family=_FONT, size=size_pt)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        width, _, _ = text_to_path.get_text_width_height_descent(longer, font, ismath=False)
        if width <= width_pt:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def _save(figure: Figure, path: Path, said: str, digest: str) -> Path:
    suffix = path.suffix[1:]
    metadata = {**_METADATA[suffix], ROWS_KEY[suffix]: f"rows {digest}"}
    if suffix == "png":
        metadata["Description"] = said
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, format=suffix, metadata=metadata)
        if suffix == "png":
            _make_opaque(unfinished)
    return path


def _make_opaque(path: Path) -> None:
    """Leave the fourth channel out: nothing is transparent, and it takes an eighth of the file."""
    with Image.open(path) as image:
        texts = PngInfo()
        for key, text in image.info.items():
            if isinstance(key, str) and isinstance(text, str):
                texts.add_text(key, text)
        opaque = image.convert("RGB")
    opaque.save(path, "png", pnginfo=texts, dpi=image.info["dpi"], optimize=True)
