"""How good the classifiers are, beside published figures."""

from pathlib import Path
from typing import Any

import pandas as pd

from crossscale_results.reader import has_rows
from crossscale_results.style import COLOURS, MARKERS, new_figure, save_figure
from module1_locality.classifier_columns import CLASSIFIER_TABLE
from module1_locality.classifier_report import PUBLISHED, latest_classifiers

_BARS = {"N": "n_f1", "S": "s_f1", "V": "v_f1", "F": "f_f1", "mean": "macro_4_f1"}
# Where a series has its letters, from its mean in points: another corner than the one before it.
_CORNERS = ((-13, 7), (7, -15), (-13, -15), (7, 7))


def draw_classifiers(results_dir: Path, out_dir: Path) -> list[Path]:
    """Scores of the latest run that trained on DS1, if there is one; the files written."""
    if not has_rows(CLASSIFIER_TABLE, results_dir):
        return []
    rows = latest_classifiers(results_dir, protocol="test")
    rows = rows[rows["scored_on"] == "DS2"]
    if rows.empty:
        return []
    figure, (by_class, plane) = new_figure(width_in=6.5, height_in=3.6, columns=2)
    for series, ((model, reference), part) in enumerate(
        rows.groupby(["model", "rr_reference"], sort=False)
    ):
        look = {"color": COLOURS[series], "marker": MARKERS[series], "linestyle": "none"}
        for x, column in enumerate(_BARS.values()):
            at = x + 0.22 * (series - 1)
            f1 = part[column].dropna().astype(float)
            by_class.plot([at] * len(f1), f1, markersize=3, alpha=0.4, **look)
            label = f"{model}, RR: {reference}" if x == 0 else None
            by_class.plot([at], [f1.mean()], markersize=6, label=label, **look)
        for name in "sv":
            _points(plane, part, name, look, _CORNERS[series % len(_CORNERS)])
    by_class.set_xticks(range(len(_BARS)), list(_BARS))
    by_class.set_ylim(-0.03, 1.03)  # a score of 0 shows its marker whole
    by_class.set_ylabel("F1 on DS2")
    by_class.set_title("By class: mean, and each seed")
    for series, (name, (s_se, s_p, v_se, v_p)) in enumerate(PUBLISHED.items()):
        marker = ("+", "x")[series]
        plane.plot([s_se, v_se], [s_p, v_p], marker, color="black", label=name)
    plane.set_xlim(0, 103)
    plane.set_ylim(0, 103)
    plane.set_xlabel("sensitivity [%]")
    plane.set_ylabel("positive predictivity +P [%]")
    plane.set_title("S and V, beside published figures")
    figure.legend(loc="outside upper center", ncols=3)
    return save_figure(figure, out_dir, "module1_classifier", rows)


def _points(
    plane: Any, part: pd.DataFrame, name: str, look: dict[str, Any], corner: tuple[int, int]
) -> None:
    """Each seed's point, and the class's letter beside their mean."""
    points = part[[f"{name}_sensitivity", f"{name}_precision"]].dropna().astype(float) * 100
    if points.empty:
        return
    plane.plot(*points.to_numpy().T, markersize=4, **look)
    plane.annotate(
        name.upper(),
        tuple(points.mean()),
        xytext=corner,
        textcoords="offset points",
        color=look["color"],
        weight="bold",
    )
