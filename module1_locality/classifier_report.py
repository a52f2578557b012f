"""A training run's scores on the screen: by class, mean over seeds, beside published figures."""

from pathlib import Path

import pandas as pd

from crossscale_data.labels import CLASSES
from crossscale_results import read_table
from module1_locality.classifier_columns import CLASSIFIER_TABLE

# Sensitivity and +P of S and V on DS2, in %. Both were chosen without DS2.
PUBLISHED = {
    "de Chazal et al. 2004": (75.9, 38.5, 77.7, 81.9),
    "Llamedo & Martinez 2011": (77.0, 39.0, 81.0, 87.0),
}
_SCORES = ("f1", "sensitivity", "precision")


def latest_classifiers(results_dir: Path, protocol: str) -> pd.DataFrame:
    """The rows of the last run of that protocol."""
    frame = read_table(CLASSIFIER_TABLE, results_dir)
    frame = frame[frame["protocol"] == protocol]
    return frame[frame["run_id"] == frame["run_id"].iloc[-1]] if len(frame) else frame


def render_report(results_dir: Path, protocol: str) -> str:
    """Scores by class (mean, least and greatest over seeds), a confusion matrix, and records."""
    frame = latest_classifiers(results_dir, protocol)
    lines = []
    for (model, reference), rows in frame.groupby(["model", "rr_reference"], sort=False):
        groups = rows["scored_on"].unique()
        lines += ["", f"{model}, RR against {reference}, {_counted(rows)}"]
        for scored_on in [name for name in groups if not name.startswith("record ")]:
            lines += _class_lines(rows[rows["scored_on"] == scored_on], scored_on)
        lines += _confusion_lines(rows[rows["scored_on"] == groups[0]], groups[0])
        lines += _record_lines(rows)
    lines += ["", "published, DS2 (Se/+P in %):"]
    lines += [
        f"  {name}: S {s_se:g}/{s_p:g}, V {v_se:g}/{v_p:g}"
        for name, (s_se, s_p, v_se, v_p) in PUBLISHED.items()
    ]
    return "\n".join(lines)


def _counted(rows: pd.DataFrame) -> str:
    seeds = rows["seed"].nunique()
    seconds = rows.groupby("seed")["training_s"].first().median()
    return (
        f"{rows['parameters_count'].iloc[0]} parameters, {seeds} seed{'s' if seeds > 1 else ''}, "
        f"trained in {seconds:.0f} s (median)"
    )


def scores_markdown(frame: pd.DataFrame, scored_on: str) -> str:
    """A table of the run's F1 on those beats, and of S and V's sensitivity and +P in %."""
    lines = ["| classifier | N F1 | S F1 | V F1 | F F1 | macro-F1 | S Se/+P | V Se/+P |"]
    lines.append("|---" * 8 + "|")
    rows = frame[frame["scored_on"] == scored_on]
    for (model, reference), part in rows.groupby(["model", "rr_reference"], sort=False):
        f1 = [spread(part[f"{name}_f1"]) for name in "nsvf"]
        pairs = [
            f"{_percent(part[f'{name}_sensitivity'])} / {_percent(part[f'{name}_precision'])}"
            for name in "sv"
        ]
        cells = [f"{model}, RR: {reference}", *f1, spread(part["macro_4_f1"]), *pairs]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _class_lines(rows: pd.DataFrame, scored_on: str) -> list[str]:
    lines = [f"  {scored_on:<14}{'F1':>25}{'Se %':>8}{'+P %':>8}"]
    for name in CLASSES:
        f1, sensitivity, precision = (rows[f"{name.lower()}_{score}"] for score in _SCORES)
        lines.append(
            f"  {name:<14}{spread(f1):>25}{_percent(sensitivity):>8}{_percent(precision):>8}"
        )
    lines.append(
        f"  macro-F1 of N, S, V, F: {spread(rows['macro_4_f1'])}; "
        f"accuracy {rows['accuracy_ratio'].mean():.3f}"
    )
    return lines


def spread(scores: pd.Series) -> str:
    """The mean, and the least and the greatest where there are several."""
    if scores.isna().all():
        return "undefined"
    several = f" ({scores.min():.3f} to {scores.max():.3f})" if len(scores) > 1 else ""
    return f"{scores.mean():.3f}{several}"


def _percent(scores: pd.Series) -> str:
    return "-" if scores.isna().all() else f"{100 * scores.mean():.1f}"


def _confusion_lines(rows: pd.DataFrame, scored_on: str) -> list[str]:
    """The confusion matrix of the first seed: true class down, called class across."""
    row = rows.iloc[0]
    lines = [f"  {scored_on}, seed {row['seed']}: true class down, called across"]
    lines.append(" " * 6 + "".join(f"{name:>8}" for name in CLASSES))
    for true in CLASSES:
        counts = [row[f"{true.lower()}_as_{called.lower()}_count"] for called in CLASSES]
        lines.append(f"  {true:<4}" + "".join(f"{count:>8}" for count in counts))
    return lines


def _record_lines(rows: pd.DataFrame) -> list[str]:
    """Mean F1 of the records that hold beats of the hard classes: single ones dominate a score."""
    lines = ["  record   S beats    S F1   V beats    V F1   F beats    F F1"]
    for scored_on, record in rows[rows["scored_on"].str.startswith("record ")].groupby("scored_on"):
        beats = {
            name: sum(int(record[f"{name}_as_{c.lower()}_count"].iloc[0]) for c in CLASSES)
            for name in "svf"
        }
        if max(beats.values()) < 10:
            continue
        cells = "".join(f"{beats[name]:>10}{_mean_f1(record[f'{name}_f1']):>8}" for name in "svf")
        lines.append(f"  {str(scored_on).removeprefix('record '):<6}{cells}")
    return lines


def _mean_f1(scores: pd.Series) -> str:
    return "-" if scores.isna().all() else f"{scores.mean():.3f}"
