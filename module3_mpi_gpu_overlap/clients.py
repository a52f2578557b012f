"""Which patients train where: the natural, non-IID split of subjects over ranks.

A client is a subject. All records of one subject stay together (201 and 202 are one), subjects
are never mixed or resampled, and a rank is a hospital that holds some of them.
"""

from collections.abc import Mapping

from crossscale_data.records import subject_of
from module3_mpi_gpu_overlap.launch import MpiError


def split_records(beat_counts: Mapping[int, int], ranks: int) -> list[tuple[int, ...]]:
    """The records of each rank, balanced by beats; every rank gets at least one subject.

    Longest first to the least loaded rank (Graham 1969), ties by number: the same for everyone.

    Args:
        beat_counts: beats of each record, at least one each.
        ranks: how many ranks there are.

    Raises:
        MpiError: there are more ranks than subjects.
    """
    subjects: dict[int, list[int]] = {}
    for record in sorted(beat_counts):
        subjects.setdefault(subject_of(record), []).append(record)
    if ranks > len(subjects):
        raise MpiError(
            f"{ranks} ranks cannot share {len(subjects)} patients: start at most "
            f"{len(subjects)} ranks, a patient stays whole"
        )
    beats = {subject: sum(beat_counts[r] for r in own) for subject, own in subjects.items()}
    loads = [0] * ranks
    records: list[list[int]] = [[] for _ in range(ranks)]
    for subject in sorted(subjects, key=lambda s: (-beats[s], s)):
        rank = loads.index(min(loads))
        loads[rank] += beats[subject]
        records[rank] += subjects[subject]
    return [tuple(sorted(own)) for own in records]
