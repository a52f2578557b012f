"""A window is labelled by the worst beat whose R it holds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crossscale_data.labels import CLASSES, SEVERITY
from crossscale_data.windows import cut_windows, window_labels


def labels_by_definition(beats: dict[int, int], length: int) -> list[int]:
    labels = []
    for start in range(0, length - 500 + 1, 250):
        inside = [CLASSES[c] for s, c in beats.items() if start <= s < start + 500]
        labels.append(CLASSES.index(max(inside, key=SEVERITY.index)) if inside else -1)
    return labels


@given(
    length=st.integers(0, 3000),
    beats=st.dictionaries(st.integers(0, 2999), st.integers(0, 4), max_size=30),
)
def test_labels_follow_the_definition(length: int, beats: dict[int, int]) -> None:
    beats = {s: c for s, c in sorted(beats.items()) if s < length}
    got = window_labels(
        np.array(list(beats), np.int64), np.array(list(beats.values()), np.int8), length
    )
    assert got.tolist() == labels_by_definition(beats, length)


def test_cuts_are_every_250_samples() -> None:
    signal = np.arange(1300, dtype=np.float32)
    cuts = cut_windows(signal, np.array([True, False, True, True]))
    assert cuts.shape == (3, 500)
    assert cuts[:, 0].tolist() == [0, 500, 750]
    assert cuts[2, -1] == 1249
