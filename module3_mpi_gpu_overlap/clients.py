"""Which beats are whose: clients made of whole subjects, and by which rank each is trained.

In the natural, non-IID split a client is a subject or a group of them: all records of one subject
stay together (201 and 202 are one), subjects are never mixed or resampled. The other splits are in
`mixed_splits`.
"""

from collections.abc import Mapping, Sequence

from crossscale_data.records import subject_of
from module3_mpi_gpu_overlap.launch import MpiError


def split_records(
    beat_counts: Mapping[int, int], clients: int, what: str = "ranks"
) -> list[tuple[int, ...]]:
    """The records of each client, balanced by beats; every client gets at least one subject.

    Args:
        beat_counts: beats of each record, at least one each.
        clients: how many clients there are.
        what: what they are called in the error.

    Raises:
        MpiError: there are more clients than subjects.
    """
    subjects: dict[int, list[int]] = {}
    for record in sorted(beat_counts):
        subjects.setdefault(subject_of(record), []).append(record)
    if clients > len(subjects):
        raise MpiError(
            f"{clients} {what} cannot share {len(subjects)} patients: start at most "
            f"{len(subjects)} {what}, a patient stays whole"
        )
    beats = {subject: sum(beat_counts[r] for r in own) for subject, own in subjects.items()}
    return [
        tuple(sorted(record for subject in own for record in subjects[subject]))
        for own in balanced(beats, clients)
    ]


def place_clients(beats: Sequence[int], ranks: int) -> tuple[int, ...]:
    """The rank that trains each client, balanced by beats; every rank gets one that has some.

    Args:
        beats: beats of each client; none is allowed.
        ranks: how many ranks there are.

    Raises:
        MpiError: there are more ranks than clients with beats.
    """
    holding = {client: count for client, count in enumerate(beats) if count}
    if ranks > len(holding):
        raise MpiError(
            f"{ranks} ranks cannot share {len(holding)} clients that hold beats: start at most "
            f"{len(holding)} ranks, or make more clients"
        )
    owner = [0] * len(beats)  # one without beats is never trained: it may be anywhere
    for rank, own in enumerate(balanced(holding, ranks)):
        for client in own:
            owner[client] = rank
    return tuple(owner)


def balanced(loads: Mapping[int, int], bins: int) -> list[list[int]]:
    """The keys in so many bins of about equal load.

    Longest first to the least loaded bin (Graham 1969), ties by number: the same for everyone.
    """
    filled = [0] * bins
    contents: list[list[int]] = [[] for _ in range(bins)]
    for key in sorted(loads, key=lambda k: (-loads[k], k)):
        least = filled.index(min(filled))
        filled[least] += loads[key]
        contents[least].append(key)
    return contents
