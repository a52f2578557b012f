"""The table has a row a record, and sums that add up."""

import numpy as np

from crossscale_data.info import class_counts, database_table
from crossscale_data.labels import CLASSES
from crossscale_data.records import DS1, DS2, PACED, RECORDS, SPLITS, split_of
from crossscale_data.source import Source
from crossscale_data.wfdb_files import read_record

GROUPS = {
    "train": SPLITS["train"],
    "validation": SPLITS["validation"],
    "DS1": DS1,
    "DS2": DS2,
    "paced": PACED,
}


def rows_of(source: Source) -> list[list[str]]:
    """The table's lines, split at blanks; leads as one cell."""
    return [
        line.replace(", ", ",").split() for line in database_table(source.directory).splitlines()
    ]


def test_every_record_has_a_row_with_its_split_leads_and_counts(any_source: Source) -> None:
    header, *rows = rows_of(any_source)
    assert header == ["record", "split", "leads", *CLASSES]
    assert [row[0] for row in rows[:48]] == [str(record) for record in RECORDS]
    for record, row in zip(RECORDS, rows[:48], strict=True):
        read = read_record(any_source.directory, record)
        counts = np.bincount(read.beat_class, minlength=5).tolist()
        assert row[1:] == [split_of(record), ",".join(read.leads), *map(str, counts)]
        assert list(class_counts(any_source.directory, record).items()) == list(
            zip(CLASSES, counts, strict=True)
        )


def test_sums_are_those_of_the_records_in_them(any_source: Source) -> None:
    rows = rows_of(any_source)[1:]
    counts = {int(row[0]): np.array(row[3:], int) for row in rows[:48]}
    sums = {row[2]: row for row in rows[48:]}
    assert list(sums) == list(GROUPS)
    for name, records in GROUPS.items():
        assert sums[name][:2] == [str(len(records)), "records"]
        assert sums[name][3:] == [str(n) for n in sum(counts[r] for r in records)]


def test_mitdb_has_its_known_sums(mitdb: Source) -> None:
    sums = {row[2]: [int(cell) for cell in row[3:]] for row in rows_of(mitdb)[49:]}
    assert sums["DS1"] == [45866, 944, 3788, 415, 8]
    assert sums["DS2"] == [44259, 1837, 3221, 388, 7]
    assert sums["paced"] == [506, 0, 227, 0, 8028]


def test_columns_stand_under_each_other(short_synthetic: Source) -> None:
    lines = database_table(short_synthetic.directory).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 1 + 48 + len(GROUPS)
