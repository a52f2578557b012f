"""The splits keep patients apart."""

from crossscale_data.records import (
    DS1,
    DS2,
    PACED,
    RECORDS,
    SPLITS,
    TRAIN,
    VALIDATION,
    shared_subjects,
    split_of,
    subject_of,
)


def test_every_record_is_in_exactly_one_split() -> None:
    assert len(RECORDS) == 48
    assert sorted(r for records in SPLITS.values() for r in records) == list(RECORDS)
    assert [split_of(r) for r in (101, 114, 100, 217)] == ["train", "validation", "test", "paced"]
    assert len(DS1) == len(DS2) == 22
    assert PACED == (102, 104, 107, 217)


def test_no_subject_is_on_both_sides_of_train_and_validation() -> None:
    assert not shared_subjects(TRAIN, VALIDATION)


def test_201_and_202_are_one_subject_and_the_only_one_across_ds1_and_ds2() -> None:
    assert subject_of(201) == subject_of(202)
    assert len({subject_of(r) for r in RECORDS}) == 47
    assert shared_subjects(DS1, DS2) == {subject_of(201)}
