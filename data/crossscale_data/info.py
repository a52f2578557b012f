"""What is in a database, as a table: records, their leads, and beats by class and split."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import wfdb

from crossscale_data.labels import CLASSES
from crossscale_data.records import RECORDS, SPLITS, split_of
from crossscale_data.wfdb_files import read_beats, record_samples


def class_counts(directory: Path, record: int) -> dict[str, int]:
    """Beats of each AAMI class in a record, counted from its annotations."""
    _, classes = read_beats(directory, record, record_samples(directory, record))
    counts = np.bincount(classes, minlength=len(CLASSES))
    return dict(zip(CLASSES, counts.tolist(), strict=True))


def database_table(directory: Path) -> str:
    """A row a record, then the sums of each split; DS1 is train and validation together."""
    counts = {record: class_counts(directory, record) for record in RECORDS}
    lines = [_row("record", "split", "leads", CLASSES)]
    for record in RECORDS:
        leads = ", ".join(wfdb.rdheader(str(directory / str(record))).sig_name)
        lines.append(_row(record, split_of(record), leads, counts[record].values()))
    groups = {**SPLITS, "DS1": SPLITS["train"] + SPLITS["validation"], "DS2": SPLITS["test"]}
    for name in ("train", "validation", "DS1", "DS2", "paced"):
        sums = [sum(counts[r][c] for r in groups[name]) for c in CLASSES]
        lines.append(_row(f"{len(groups[name])} records", name, "", sums))
    return "\n".join(lines)


def _row(record: object, split: str, leads: str, counts: Iterable[object]) -> str:
    cells = "".join(f"{cell!s:>8}" for cell in counts)
    return f"{record!s:<11}{split:<12}{leads:<10}{cells}"
