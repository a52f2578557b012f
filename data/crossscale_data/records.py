"""Which records there are, whose they are, and on which side of each split they stand.

Sources: Moody & Mark 2001 (the database); de Chazal, O'Dwyer & Reilly 2004, IEEE TBME 51(7):1196
(the patient-wise split DS1/DS2); ANSI/AAMI EC57 (paced records are left out).
"""

from collections.abc import Iterable

SAMPLING_HZ = 360.0
SAMPLES_PER_RECORD = 650_000

DS1 = (
    *(101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122),
    *(124, 201, 203, 205, 207, 208, 209, 215, 220, 223, 230),
)
DS2 = (
    *(100, 103, 105, 111, 113, 117, 121, 123, 200, 202, 210),
    *(212, 213, 214, 219, 221, 222, 228, 231, 232, 233, 234),
)
PACED = (102, 104, 107, 217)
RECORDS = tuple(sorted(DS1 + DS2 + PACED))

# Patients of DS1 held out for choosing hyper-parameters: together about a fifth of DS1's beats,
# with ectopic beats of every kind, and leaving the S- and F-richest patients to train on.
VALIDATION = (114, 118, 124, 205, 223)
TRAIN = tuple(record for record in DS1 if record not in VALIDATION)

# DS1's patients in five parts for cross-validation, the validation patients first; the four with
# most S beats (209, 201, 207, 118) are kept apart.
FOLDS = (
    VALIDATION,
    (112, 115, 203, 209),
    (106, 116, 201, 220),
    (101, 109, 122, 207, 230),
    (108, 119, 208, 215),
)

SPLITS: dict[str, tuple[int, ...]] = {
    "train": TRAIN,
    "validation": VALIDATION,
    "test": DS2,
    "paced": PACED,
}

# 202's header says that it was taken from the same analog tape as 201.
_SAME_SUBJECT = {202: 201}


def subject_of(record: int) -> int:
    """The subject a record was taken from, named by that subject's first record."""
    return _SAME_SUBJECT.get(record, record)


def split_of(record: int) -> str:
    """`train`, `validation`, `test` or `paced`.

    Raises:
        KeyError: no such record in the database.
    """
    for split, records in SPLITS.items():
        if record in records:
            return split
    raise KeyError(f"there is no record {record} in the MIT-BIH Arrhythmia Database")


def shared_subjects(left: Iterable[int], right: Iterable[int]) -> set[int]:
    """Subjects with a record on both sides (of a split, or of a client boundary)."""
    return {subject_of(r) for r in left} & {subject_of(r) for r in right}
