"""The split of patients over ranks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossscale_data.records import RECORDS, TRAIN, subject_of
from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.clients import place_clients, split_records

beat_counts = st.dictionaries(st.sampled_from(RECORDS), st.integers(1, 4000), min_size=1)


def subject_beats(counts: dict[int, int]) -> dict[int, int]:
    beats: dict[int, int] = {}
    for record, count in counts.items():
        beats[subject_of(record)] = beats.get(subject_of(record), 0) + count
    return beats


@given(beat_counts, st.data())
def test_every_record_is_on_one_rank_and_subjects_stay_whole(
    counts: dict[int, int], data: st.DataObject
) -> None:
    ranks = data.draw(st.integers(1, len(subject_beats(counts))))
    split = split_records(counts, ranks)
    assert len(split) == ranks
    assert sorted(record for own in split for record in own) == sorted(counts)
    owners = [{subject_of(record) for record in own} for own in split]
    assert sum(map(len, owners)) == len(set().union(*owners))
    assert all(split)


@given(beat_counts, st.data())
def test_ranks_differ_by_at_most_one_subject(counts: dict[int, int], data: st.DataObject) -> None:
    beats = subject_beats(counts)
    split = split_records(counts, data.draw(st.integers(1, len(beats))))
    loads = [sum(counts[record] for record in own) for own in split]
    assert max(loads) - min(loads) <= max(beats.values())


@given(beat_counts)
def test_the_split_does_not_depend_on_the_order_of_records(counts: dict[int, int]) -> None:
    backwards = dict(reversed(counts.items()))
    assert split_records(counts, 1) == split_records(backwards, 1)


def test_both_tapes_of_one_subject_stay_together() -> None:
    assert (201, 202) in split_records({201: 10, 202: 10, 100: 20}, 2)


def test_201_alone_is_a_client_like_any_other() -> None:
    split = split_records(dict.fromkeys(TRAIN, 2000), len(TRAIN))
    assert sorted(split) == sorted((record,) for record in TRAIN)


def test_more_ranks_than_patients_are_refused() -> None:
    with pytest.raises(UserError, match="4 ranks cannot share 2 patients"):
        split_records({201: 5, 202: 5, 100: 5}, 4)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30).filter(any), st.data())
def test_clients_are_dealt_to_ranks_by_beats_and_every_rank_has_work(
    beats: list[int], data: st.DataObject
) -> None:
    ranks = data.draw(st.integers(1, sum(map(bool, beats))))
    owner = place_clients(beats, ranks)
    loads = [0] * ranks
    for client, rank in enumerate(owner):
        loads[rank] += beats[client]
    assert min(loads) > 0
    assert max(loads) - min(loads) <= max(beats)


def test_more_ranks_than_clients_with_beats_are_refused() -> None:
    with pytest.raises(UserError, match="3 ranks cannot share 2 clients that hold beats"):
        place_clients([5, 0, 7], 3)
