"""The federations that are compared: their order, and one small comparison for real."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crossscale_data.classifier import build_model
from crossscale_data.rr_context import CONTEXT_FEATURES
from crossscale_data.source import Source
from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.accuracy_summary import final, scored
from module3_mpi_gpu_overlap.federated_accuracy import (
    FEDERATIONS,
    GRIDS,
    AccuracyConfig,
    AccuracyGrid,
    jobs_of,
    train_all,
)
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.wire_int8 import Int8Codec
from module3_mpi_gpu_overlap.wire_top_k import TopKCodec


def test_all_federations_of_a_seed_come_before_the_next_seed() -> None:
    grid = GRIDS["paper"]
    jobs = list(jobs_of(grid.seeds, grid.federations))
    assert [seed for _, seed in jobs] == sorted(seed for _, seed in jobs)
    assert len(set(jobs)) == len(jobs) == len(FEDERATIONS) * len(grid.seeds)


def test_an_unknown_federation_is_one_sentence() -> None:
    with pytest.raises(UserError, match="no federation 'G9': choose of central, subjects"):
        list(jobs_of((0,), ("G9",)))


@pytest.mark.mpi
@pytest.mark.slow
def test_each_federation_is_told_apart_by_its_rows(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("central", "subjects", "G3", "int8", "top-k")
    grid = AccuracyGrid(names, (0, 1, 2), rounds=2, evaluate_every=1)
    monkeypatch.setitem(GRIDS, "quick", grid)
    often = replace(FEDERATIONS["subjects"], rounds_times=3)  # of 20: a federation of 22 subjects
    monkeypatch.setitem(FEDERATIONS, "subjects", often)
    where = {"data_dir": short_synthetic.directory, "results_dir": tmp_path}
    train_all(AccuracyConfig(seeds=(3,), **where))  # type: ignore[arg-type]
    rows = scored(tmp_path)
    assert rows is not None
    assert set(rows["seed"]) == {3}
    assert list(final(rows)) == ["central", "subjects", "G3", "G3, int8", "G3, top-k"]
    last_round = rows.groupby("federation")["round_index"].max()
    assert (last_round["central"], last_round["subjects"]) == (1, 2 * often.rounds_times - 1)
    sent = rows.groupby("federation")["sent_bytes"].max()
    assert sent["central"] == 0
    model = FlatModel(build_model("beatnet", 2, CONTEXT_FEATURES), torch.device("cpu"))
    statistics = len(model.vector) - model.parameters_count
    numbers = int(rows["averaged_count"].iloc[0])
    averages, encoded = sent["G3"] // (4 * numbers), numbers - statistics
    for codec, wire, fewer in ((Int8Codec(), "int8", 3.94), (TopKCodec(0.05), "top-k", 10)):
        payload = codec.payload_bytes(encoded)
        assert 4 * encoded / payload == pytest.approx(fewer, rel=0.01)
        # Running statistics go whole beside it, as float64.
        assert sent[f"G3, {wire}"] == averages * (payload + 8 * statistics)
