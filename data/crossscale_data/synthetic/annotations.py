"""A record's annotations as in MIT-BIH: beats, changes of rhythm and quality, artefacts."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crossscale_data.records import SAMPLING_HZ
from crossscale_data.synthetic.noise import Disturbances
from crossscale_data.synthetic.rhythm import Rhythm

_RUN_BEATS = 3  # as many in a row are a rhythm of their own
_RHYTHM_OF_RUN = {
    "V": "(VT",
    "E": "(IVR",
    "A": "(SVTA",
    "J": "(SVTA",
    "a": "(SVTA",
    "j": "(NOD",
    "!": "(VFL",
}


class Annotation(NamedTuple):
    """One annotation: where, what, and (for rhythms and comments) a text."""

    sample: int
    symbol: str
    text: str = ""


@dataclass(frozen=True)
class AnnotationColumns:
    """Annotations in ascending order, as wfdb's writer takes them."""

    sample: npt.NDArray[np.int64]
    symbol: list[str]
    aux_note: list[str]


def annotate(rhythm: Rhythm, planned: Disturbances, samples: int) -> AnnotationColumns:
    """All annotations of a record, no two at one sample, none outside the record."""
    events = np.rint(rhythm.time_s * SAMPLING_HZ).astype(np.int64)
    found = [
        Annotation(int(sample), str(symbol), "MISSB" if symbol == '"' else "")
        for sample, symbol in zip(events, rhythm.symbol, strict=True)
    ]
    found += _rhythm_changes(rhythm, events)
    found += _flutter_limits(rhythm, events)
    found += [Annotation(int(s * SAMPLING_HZ), "~") for s in planned.noisy_s.ravel()]
    found += [Annotation(int(s * SAMPLING_HZ), "|") for s in planned.artefact_s]
    taken: dict[int, Annotation] = {}
    # Beats come first in `found`, so they keep their samples and the others give way.
    for annotation in found:
        sample = annotation.sample
        while sample in taken:
            sample += 1
        taken[sample] = annotation._replace(sample=sample)
    ordered = [taken[sample] for sample in sorted(taken) if 0 <= sample < samples]
    return AnnotationColumns(
        np.array([annotation.sample for annotation in ordered], np.int64),
        [annotation.symbol for annotation in ordered],
        [annotation.text for annotation in ordered],
    )


def rhythm_labels(rhythm: Rhythm) -> list[str]:
    """The name of the rhythm each event belongs to, such as `(N`, `(AFIB`, `(B`."""
    symbol = rhythm.symbol
    labels = np.where(rhythm.in_af, "(AFIB", "(N").astype("U5")
    labels[np.isin(symbol, ["/", "f"])] = "(P"
    text = "".join("V" if s == "V" else "." for s in symbol)
    for pattern, label in (("V.V.V.", "(B"), ("V..V..V..", "(T")):
        start = text.find(pattern)
        while start >= 0:
            labels[start : start + len(pattern)] = label
            start = text.find(pattern, start + 1)
    bounds = np.flatnonzero(symbol[1:] != symbol[:-1]) + 1
    for start, end in pairwise([0, *bounds.tolist(), len(symbol)]):
        if end - start >= _RUN_BEATS and str(symbol[start]) in _RHYTHM_OF_RUN:
            labels[start:end] = _RHYTHM_OF_RUN[str(symbol[start])]
    return [str(label) for label in labels]


def _rhythm_changes(rhythm: Rhythm, events: npt.NDArray[np.int64]) -> list[Annotation]:
    labels = rhythm_labels(rhythm)
    lead_in = int(0.1 * SAMPLING_HZ)
    changes = [Annotation(int(events[0]) - lead_in, "+", labels[0])]
    for i in range(1, len(labels)):
        if labels[i] != labels[i - 1]:
            changes.append(
                Annotation(int(events[i] - events[i - 1]) // 2 + int(events[i - 1]), "+", labels[i])
            )
    return changes


def _flutter_limits(rhythm: Rhythm, events: npt.NDArray[np.int64]) -> list[Annotation]:
    """`[` before and `]` after each episode of ventricular flutter waves."""
    flutters = np.concatenate([[False], rhythm.symbol == "!", [False]])
    change = np.diff(flutters.astype(np.int8))
    starts = [Annotation(int(events[i]) - 20, "[") for i in np.flatnonzero(change == 1)]
    ends = [Annotation(int(events[i - 1]) + 20, "]") for i in np.flatnonzero(change == -1)]
    return starts + ends
