"""Kept and resumed runs: to the bit by as many ranks; and states that cannot be resumed."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.sealed_file import load_sealed, save_sealed

pytestmark = pytest.mark.mpi

RUN = {"local_steps": 3, "batch_size": 16, "rounds": 4, "evaluate_every": 0}
SUBJECTS = {"counts": [40, 0, 90, 30, 25, 60], "clients": "subjects", "clients_per_round": 3}
CASES = {
    "silo": {"mode": "G2"},
    "delayed": {"mode": "G3"},
    "fp16": {"precision": "fp16"},
    "compressed": {"mode": "G5"},
    "blocking top-k": {"mode": "G1", "wire": "top-k", "sent_ratio": 0.1},
    "by nodes": {"mode": "G6"},
    "device": {**SUBJECTS, "server": "fedadam", "server_learning_rate": 0.01, "sum": "fixed-point"},
}


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("states")


@pytest.fixture(scope="module")
def two_ranks(run_program: Any, states: Path) -> dict[str, Any]:
    """Each case whole, and the same in two parts: two rounds, then on to four."""
    cases = {}
    for name, case in CASES.items():
        own = {**RUN, **case}
        kept = {"state_dir": str(states / name)}
        cases[name] = ["federate", own]
        cases[f"{name} first"] = ["federate", {**own, **kept, "rounds": 2}]
        cases[f"{name} rest"] = ["federate", {**own, **kept, "resume": True}]
        cases[f"{name} again"] = ["federate", {**own, **kept, "resume": True}]
    return run_program("several", 2, 120.0, **cases)


@pytest.mark.parametrize("case", CASES)
def test_a_run_in_two_parts_is_the_whole_run_to_the_bit(
    two_ranks: dict[str, Any], case: str
) -> None:
    assert two_ranks[f"{case} rest"]["digests"] == two_ranks[case]["digests"]
    assert two_ranks[f"{case} first"]["digests"] != two_ranks[case]["digests"]
    assert two_ranks[f"{case} rest"]["losses"] == two_ranks[case]["losses"][2:]


@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_when_all_rounds_were_done_scores_their_model(
    two_ranks: dict[str, Any], case: str
) -> None:
    whole, again = two_ranks[case], two_ranks[f"{case} again"]
    assert again["digests"] == whole["digests"]
    assert again["losses"] == []
    assert again["scored_rounds"] == whole["scored_rounds"] == [3]
    assert again["right"] == whole["right"]


def test_what_a_killed_run_left_half_written_is_removed_and_in_nobodys_way(
    two_ranks: dict[str, Any], states: Path, run_program: Any, tmp_path: Path
) -> None:
    kept = shutil.copytree(states / "silo", tmp_path / "silo")
    for name in (".round-4.pt.71", ".round-3.pt.71", "round-4.rank-1-of-2.pt"):
        (kept / name).write_bytes(b"torn")
    options = {**RUN, **CASES["silo"], "state_dir": str(kept)}
    run_program("federate", 2, **options, resume=True)
    assert sorted(path.name for path in kept.iterdir()) == [
        "round-3.pt",
        "round-3.rank-0-of-2.pt",
        "round-3.rank-1-of-2.pt",
    ]


def test_only_the_last_round_is_kept(two_ranks: dict[str, Any], states: Path) -> None:
    names = sorted(path.name for path in (states / "silo").iterdir())
    assert names == ["round-3.pt", "round-3.rank-0-of-2.pt", "round-3.rank-1-of-2.pt"]


def test_other_ranks_go_on_from_the_averaged_model(
    two_ranks: dict[str, Any], states: Path, run_program: Any, tmp_path: Path
) -> None:
    more = {**RUN, "rounds": 5, "resume": True}
    cases: dict[str, Any] = {}
    for name in ("device", "silo", "delayed"):
        shutil.copytree(states / name, tmp_path / name)
        where = {"state_dir": str(tmp_path / name)}
        cases[name] = ["federate", {**more, **CASES[name], **where}]
    cases["whole"] = ["federate", {**RUN, **CASES["device"], "rounds": 5}]
    one_rank = run_program("several", 1, 120.0, **cases)
    # Clients that begin anew each round do not notice; those that were ranks are others now.
    assert one_rank["device"]["digests"] == one_rank["whole"]["digests"]
    for name in ("silo", "delayed"):
        assert len(one_rank[name]["losses"]) == 1
        assert one_rank[name]["losses"][0][0] < two_ranks[name]["losses"][0][0]


@pytest.mark.parametrize("mode", ["G1", "G3"])
def test_a_killed_rank_leaves_the_last_round_and_the_run_goes_on_to_the_bit(
    run_program: Any, tmp_path: Path, mode: str
) -> None:
    options = {**RUN, "mode": mode}
    kept = {**options, "state_dir": str(tmp_path / "kept")}
    # Two steps of warm-up, three a round: in the middle of the third round.
    with pytest.raises(UserError, match="failed with status"):
        run_program("federate", 2, **kept, killed_rank=1, kill_step=10)
    assert (tmp_path / "kept" / "round-1.pt").is_file()
    told = run_program(
        "several",
        2,
        whole=["federate", options],
        resumed=["federate", {**kept, "resume": True}],
    )
    assert told["resumed"]["digests"] == told["whole"]["digests"]
    assert len(told["resumed"]["losses"]) == 2
    assert not list((tmp_path / "kept").glob(".*"))


def damage_nothing(_: Path) -> None: ...


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def overwrite(path: Path) -> None:
    path.write_bytes(b"not ours")


def flip_a_bit(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)


def move(path: Path) -> None:
    kept = load_sealed(path)
    save_sealed(path, {**kept, "place": "on cuda"})


REFUSALS = {
    "kept elsewhere": (
        "round-3.rank-1-of-2.pt",
        move,
        {},
        r"was kept on cuda, and this rank is on cpu: .* \(on rank 1\)",
    ),
    "truncated": ("round-3.pt", truncate, {}, r"round-3\.pt is damaged or was not kept by"),
    "a rank's truncated": (
        "round-3.rank-1-of-2.pt",
        truncate,
        {},
        r"rank-1-of-2\.pt is damaged .*\(on rank 1\)",
    ),
    "a rank's missing": (
        "round-3.rank-1-of-2.pt",
        Path.unlink,
        {},
        r"is missing: all ranks must see .*rank 1",
    ),
    "missing": ("round-3.pt", Path.unlink, {}, "holds no state to resume from"),
    "a bit flipped": ("round-3.pt", flip_a_bit, {}, r"round-3\.pt is damaged or was not kept by"),
    "another's": ("round-3.pt", overwrite, {}, "is damaged or was not kept by"),
    "fewer rounds": ("round-3.pt", damage_nothing, {"rounds": 3}, "has done 4 rounds already"),
    "other option": (
        "round-3.pt",
        damage_nothing,
        {"batch_size": 8},
        "with --batch-size 16, and this one",
    ),
    "not resumed": (
        "round-3.pt",
        damage_nothing,
        {"resume": False},
        "go on with --resume, or name another",
    ),
}


@pytest.fixture(scope="module")
def refused(
    two_ranks: dict[str, Any], states: Path, run_program: Any, tmp_path_factory: Any
) -> dict[str, list[str]]:
    """What both ranks of a run say that was started on each of those states."""
    folder = tmp_path_factory.mktemp("refused")
    cases = {}
    for case, (name, damage, options, _) in REFUSALS.items():
        own = shutil.copytree(states / "silo", folder / case)
        damage(own / name)
        run = {**RUN, "rounds": 6, **CASES["silo"], "state_dir": str(own), "resume": True}
        cases[case] = ["federate", {**run, **options}]
    told: dict[str, list[str]] = run_program("refused", 2, **cases)
    return told


@pytest.mark.parametrize("case", REFUSALS)
def test_a_state_that_cannot_be_resumed_is_one_sentence(
    refused: dict[str, list[str]], case: str
) -> None:
    *_, sentence = REFUSALS[case]
    assert len(set(refused[case])) == 1
    assert re.search(sentence, refused[case][0])


def test_a_refusal_ends_the_command(
    two_ranks: dict[str, Any], run_program: Any, states: Path
) -> None:
    run = {**RUN, **CASES["silo"], "state_dir": str(states / "silo")}
    with pytest.raises(UserError, match=r"status 2: .*go on with --resume, or name another"):
        run_program("federate", 2, **run)
