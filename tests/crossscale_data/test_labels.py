"""Symbols become AAMI classes; non-beats are dropped; the unknown is refused."""

import numpy as np
import pytest

from crossscale_data.errors import DataError
from crossscale_data.info import class_counts
from crossscale_data.labels import CLASS_OF_SYMBOL, CLASSES, SEVERITY, beat_classes
from crossscale_data.records import DS1, DS2, PACED
from crossscale_data.source import Source


def test_symbols_map_as_in_ec57() -> None:
    names = {s: CLASSES[c] for s, c in CLASS_OF_SYMBOL.items()}
    assert names == {
        **dict.fromkeys("NLRej", "N"),
        **dict.fromkeys("AaJS", "S"),
        **dict.fromkeys("VE", "V"),
        "F": "F",
        **dict.fromkeys("/fQ", "Q"),
    }
    assert sorted(SEVERITY) == sorted(CLASSES)


def test_non_beats_are_dropped_also_the_flutter_wave_that_wfdb_calls_a_beat() -> None:
    assert beat_classes(["N", "+", "!", "V", "~", "|", "x", '"'], "here").tolist() == [
        *(0, -1, -1, 2, -1, -1, -1, -1)
    ]
    assert beat_classes([], "here").shape == (0,)


def test_an_unknown_symbol_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"record 208 has the unknown annotation symbol 'Z'"):
        beat_classes(["N", "Z"], "record 208")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (DS1, (45866, 944, 3788, 415, 8)),
        (DS2, (44259, 1837, 3221, 388, 7)),
        (PACED, (506, 0, 227, 0, 8028)),
    ],
    ids=["DS1", "DS2", "paced"],
)
def test_class_counts_of_the_real_database(
    mitdb: Source, records: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    counts = [list(class_counts(mitdb.directory, r).values()) for r in records]
    assert tuple(np.sum(counts, axis=0)) == expected
