"""Which beats the ranks load for which clients, on a small database."""

from typing import Any

import pytest

from crossscale_data.records import TRAIN, subject_of
from crossscale_data.source import Source

pytestmark = pytest.mark.mpi

CHOICES = {
    "ranks": {},
    "subjects": {"clients": "subjects"},
    "groups": {"clients": "subjects", "clients_count": 5},
    "iid": {"clients": "subjects", "clients_count": 6, "split": "iid"},
    "dirichlet": {
        "clients": "subjects",
        "clients_count": 6,
        "split": "dirichlet",
        "dirichlet_alpha": 0.1,
    },
}
SUBJECTS = len({subject_of(record) for record in TRAIN})


@pytest.fixture(scope="module")
def loaded(run_program: Any, short_synthetic: Source) -> dict[int, Any]:
    where = {"data_dir": str(short_synthetic.directory), "choices": CHOICES}
    return {ranks: run_program("load_data", ranks, **where) for ranks in (1, 2)}


def test_every_training_beat_has_one_client_on_one_rank(loaded: dict[int, Any]) -> None:
    sizes = set()
    for told in loaded.values():
        for choice in told.values():
            held = {int(k): size for k, (size, _) in choice["own"].items()}
            assert held == {k: n for k, n in enumerate(choice["beats"]) if n}
            sizes.add(sum(choice["beats"]))
    assert len(sizes) == 1


def test_there_are_as_many_clients_as_chosen(loaded: dict[int, Any]) -> None:
    counts = {name: len(choice["beats"]) for name, choice in loaded[2].items()}
    assert counts == {"ranks": 2, "subjects": SUBJECTS, "groups": 5, "iid": 6, "dirichlet": 6}
    assert loaded[2]["ranks"]["rank"] == [0, 1]
    assert set(loaded[2]["subjects"]["rank"]) == {0, 1}


@pytest.mark.parametrize("choice", ["ranks", "subjects", "groups"])
def test_in_the_natural_split_no_subject_is_shared(loaded: dict[int, Any], choice: str) -> None:
    owners = [{subject_of(r) for r in records} for _, records in loaded[2][choice]["own"].values()]
    assert sum(map(len, owners)) == len(set().union(*owners)) == SUBJECTS


def test_the_iid_split_mixes_patients(loaded: dict[int, Any]) -> None:
    assert all(len(records) > 10 for _, records in loaded[2]["iid"]["own"].values())


@pytest.mark.parametrize("choice", ["subjects", "groups", "iid", "dirichlet"])
def test_a_client_holds_the_same_beats_whichever_rank_loads_it(
    loaded: dict[int, Any], choice: str
) -> None:
    assert loaded[1][choice]["digests"] == loaded[2][choice]["digests"]
