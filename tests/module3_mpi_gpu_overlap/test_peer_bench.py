"""Other runners end to end on two clients, and those that must not be timed."""

import ctypes
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crossscale_data.source import Source
from crossscale_results.errors import UserError
from crossscale_results.libraries import why_absent
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap import peer_bench as bench
from module3_mpi_gpu_overlap.congestion_control import (
    CONGESTION_CONTROL,
    congestion_control,
    own_loopback,
)
from module3_mpi_gpu_overlap.peer_bench import PeerBenchConfig, PeerGrid, Told, difference_ratio
from module3_mpi_gpu_overlap.peer_columns import PEERS
from module3_mpi_gpu_overlap.peers.contestant import Contestant
from module3_mpi_gpu_overlap.peers.contestants import CONTESTANTS

GRID = PeerGrid(rounds=2, local_steps=2, repeats=2)
ROUND = {
    "round_s": 1.0,
    "train_s": 0.75,
    "preparation_s": 0.125,
    "train_and_preparation_s": 0.875,
    "exposed_communication_s": 0.0625,
}
RIGHT = Told(
    [ROUND, ROUND],
    np.array([1, 3], np.float32),
    np.array([1, 2], np.float32),
    congestion_control="reno",
    memory_kept=True,
    mpi_version="none",
)
WRONG = replace(RIGHT, averaged=np.array([1, 3.5], np.float32))


@pytest.fixture
def config(
    short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., PeerBenchConfig]:
    """`config(*contestants)`: a small bench of them on a short database."""
    monkeypatch.setitem(bench.GRIDS, "quick", GRID)

    def small(*contestants: str) -> PeerBenchConfig:
        where = {"data_dir": short_synthetic.directory, "results_dir": tmp_path}
        return PeerBenchConfig(contestants=contestants, repeats=1, **where)  # type: ignore[arg-type]

    return small


def measured(results_dir: Path) -> dict[str, pd.DataFrame]:
    return {str(name): own for name, own in read_table(PEERS, results_dir).groupby("contestant")}


@pytest.fixture(scope="module")
def whole_bench(
    mpiexec: Path, short_synthetic: Source, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pd.DataFrame]:
    """The rows of a bench of everyone, by contestant."""
    results_dir = tmp_path_factory.mktemp("peers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(bench.GRIDS, "quick", GRID)
        where = {"data_dir": short_synthetic.directory, "results_dir": results_dir}
        bench.peer_bench(PeerBenchConfig(repeats=1, **where))  # type: ignore[arg-type]
    return measured(results_dir)


@pytest.mark.mpi
@pytest.mark.slow
@pytest.mark.timeout(600)  # the first one waits for the whole bench
@pytest.mark.parametrize("name", CONTESTANTS)
def test_a_contestants_rounds_make_the_suites_model(
    whole_bench: dict[str, pd.DataFrame], name: str
) -> None:
    if reason := why_absent(CONTESTANTS[name].module):
        pytest.skip(reason)
    own = whole_bench[name]
    spoken = CONGESTION_CONTROL if own_loopback() else congestion_control()
    assert own["round_index"].tolist() == [0, 1]
    assert (own["preparation_s"] < own["round_s"]).all()
    assert own["congestion_control"].tolist() == [spoken] * 2
    assert own["memory_kept"].all() == hasattr(ctypes.CDLL(None), "mallopt")
    assert own["averaged_count"].tolist() == whole_bench["G0"]["averaged_count"].tolist()
    if CONTESTANTS[name].local_sgd:
        assert (own["model_difference_ratio"] < 1e-3).all()
        assert (own["runner_overhead_s"] > 0).all()
        assert (own["runner_overhead_s"] < own["overhead_s"]).all()
        assert own["exposed_communication_s"].between(0, own["round_s"], inclusive="neither").all()
    else:
        assert own["train_s"].isna().all()
        assert own["not_measured"].str.contains("within every step").all()


def test_a_contestant_that_averages_wrongly_is_refused_and_one_that_is_absent_told(
    mpiexec: Path,
    config: Callable[..., PeerBenchConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = {"G0": RIGHT, "gloo": WRONG, "gloo by tensor": "it failed: no network"}
    absent = replace(CONTESTANTS["DDP"], module="no_such_library", distribution="no-such-library")
    monkeypatch.setitem(bench.CONTESTANTS, "DDP", absent)
    monkeypatch.setattr(bench, "_run", lambda contestant, *_: told[contestant.name])
    bench.peer_bench(config("gloo", "gloo by tensor", "DDP"))
    found = measured(tmp_path)
    assert found["G0"]["overhead_s"].tolist() == [0.25, 0.25]
    assert found["G0"]["model_difference_ratio"].tolist() == [0.0, 0.0]
    assert found["G0"]["runner_overhead_s"].tolist() == [0.125, 0.125]
    for name in ("gloo", "gloo by tensor", "DDP"):
        assert found[name]["round_s"].isna().all()
    assert "off G0's by 0.5 of the training" in found["gloo"]["not_measured"].iloc[0]
    assert found["DDP"]["library_version"].tolist() == ["none"]
    out = capsys.readouterr().out
    assert "DDP is left out: no_such_library is not installed" in out
    assert "it failed: no network" in out


def test_the_suites_own_modes_must_agree(
    mpiexec: Path, config: Callable[..., PeerBenchConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"G0": RIGHT, "G1": WRONG}
    monkeypatch.setattr(bench, "_run", lambda contestant, *_: told[contestant.name])
    with pytest.raises(UserError, match="G1 is refused"):
        bench.peer_bench(config("G1"))


def test_another_one_is_first_each_repeat(
    mpiexec: Path, config: Callable[..., PeerBenchConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []

    def run(contestant: Contestant, *_: object) -> Told:
        turns.append(contestant.name)
        return RIGHT

    monkeypatch.setattr(bench, "_run", run)
    bench.peer_bench(replace(config("G1", "gloo"), repeats=2))
    checked, first, second = turns[:3], turns[3:6], turns[6:]
    assert checked == first == ["G0", "G1", "gloo"]
    assert second == ["G1", "gloo", "G0"]


def test_averages_are_compared_by_what_training_moved() -> None:
    assert difference_ratio(RIGHT, RIGHT) == 0
    assert difference_ratio(WRONG, RIGHT) == 0.5
    assert difference_ratio(replace(RIGHT, start=RIGHT.start + 1), RIGHT) == np.inf
    assert difference_ratio(replace(RIGHT, averaged=RIGHT.averaged[:1]), RIGHT) == np.inf


def test_an_unknown_contestant_is_one_sentence() -> None:
    with pytest.raises(UserError, match="'APPFL' is no contestant: choose of G0, G1, gloo"):
        bench.peer_bench(PeerBenchConfig(contestants=("APPFL",)))
