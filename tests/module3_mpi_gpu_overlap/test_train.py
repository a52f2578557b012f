"""The command as users start it, on a small database."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from crossscale_data.classifier import build_model
from crossscale_data.source import Source
from crossscale_results.errors import UserError
from crossscale_results.reader import read_table
from module3_mpi_gpu_overlap.columns import ALLREDUCE, ROUNDS, SCORES
from module3_mpi_gpu_overlap.config import TrainConfig
from module3_mpi_gpu_overlap.congestion_control import congestion_control
from module3_mpi_gpu_overlap.mpiexec import run_ranks
from module3_mpi_gpu_overlap.train import check

TRAIN = ("-m", "module3_mpi_gpu_overlap.train", "--local-steps", "2", "--batch-size", "32")
LIMIT_S = 120.0
PRIVATE: dict[str, Any] = {
    "clip_norm": 1.0,
    "noise_multiplier": 1.0,
    "screening_ratio": 0.0,
    "class_weights": False,
}


@pytest.mark.mpi
def test_two_ranks_train_score_verify_and_save(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path
) -> None:
    model = tmp_path / "kept" / "model.pt"
    out = run_ranks(
        2,
        [
            *TRAIN,
            *("--rounds", "2", "--evaluate-every", "1", "--mode", "G2", "--seed", "3"),
            *("--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path)),
            *("--checkpoint", str(model)),
        ],
        LIMIT_S,
    )
    rounds, scores = read_table(ROUNDS, tmp_path), read_table(SCORES, tmp_path)
    assert f"dataset={short_synthetic.dataset}" in out
    assert rounds[["round_index", "rank"]].to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert rounds["weight_ratio"].groupby(rounds["round_index"]).sum().tolist() == [1.0, 1.0]
    assert set(rounds["world_size"]) == {2}
    assert rounds["mpi_version"].iloc[0] != "none"
    assert set(rounds["congestion_control"]) == {congestion_control()}
    assert rounds["memory_kept"].all() == hasattr(ctypes.CDLL(None), "mallopt")
    assert scores["test_set"].tolist() == ["DS2", "DS2-disjoint"] * 2

    kept = torch.load(model, weights_only=True)
    assert f"all 2 ranks hold the same model {kept['digest']}" in out
    channels = kept["state"]["waveform_branch.0.weight"].shape[1]
    features = kept["state"]["context_branch.0.weight"].shape[1]
    build_model(kept["model"], channels, features).load_state_dict(kept["state"])
    assert [path.name for path in model.parent.iterdir()] == ["model.pt"]


@pytest.mark.mpi
def test_the_highest_mode_says_in_its_rows_what_it_set_and_leaves_a_trace(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path
) -> None:
    trace = tmp_path / "seen" / "G6.json"
    arguments = ("--mode", "G6", "--rounds", "3", "--hidden-width", "70", "--trace", str(trace))
    where = ("--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path))
    run_ranks(2, [*TRAIN, *arguments, *where], LIMIT_S)
    rounds = read_table(ROUNDS, tmp_path)
    set_by_mode = rounds[["precision", "wire", "exchange", "link"]].drop_duplicates()
    assert set_by_mode.to_numpy().tolist() == [["bf16", "int8", "hierarchical", "one node"]]
    numbers = rounds["averaged_count"].iloc[0]
    assert numbers < rounds["payload_bytes"].iloc[0] < 1.1 * numbers
    assert sorted(path.name for path in trace.parent.iterdir()) == ["G6.json", "G6.pdf", "G6.png"]
    spans = [e for e in json.loads(trace.read_text())["traceEvents"] if e["ph"] == "X"]
    assert {(span["pid"], span["args"]["round"]) for span in spans} == {
        (rank, index) for rank in range(2) for index in range(3)
    }


@pytest.mark.mpi
def test_sampled_clients_train_and_a_kept_run_is_resumed(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path
) -> None:
    clients = ("--clients", "subjects", "--clients-per-round", "3", "--server", "fedavgm")
    where = ("--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path))
    kept = ("--state-dir", str(tmp_path / "state"))
    run_ranks(2, [*TRAIN, "--rounds", "1", *clients, *where, *kept], LIMIT_S)
    out = run_ranks(2, [*TRAIN, "--rounds", "3", "--resume", *clients, *where, *kept], LIMIT_S)
    assert "resumed after round 0" in out
    rounds = read_table(ROUNDS, tmp_path)
    assert rounds["round_index"].tolist() == [0, 0, 1, 1, 2, 2]
    assert rounds["trained_count"].groupby(rounds["round_index"]).sum().tolist() == [3, 3, 3]
    assert (rounds["payload_bytes"] == 4 * rounds["averaged_count"]).all()
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == [
        "round-2.pt",
        "round-2.rank-0-of-2.pt",
        "round-2.rank-1-of-2.pt",
    ]


@pytest.mark.mpi
def test_one_rank_needs_no_mpiexec(short_synthetic: Source, tmp_path: Path) -> None:
    where = ("--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path))
    command = [sys.executable, *TRAIN, "--rounds", "1", *where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert "all 1 ranks hold the same model" in done.stdout
    (row,) = read_table(ROUNDS, tmp_path).to_dict("records")
    assert row["straggler_idle_s"] == 0
    assert "one rank has nobody to communicate with" in row["not_measured"]


@pytest.mark.mpi
def test_the_collective_alone_gives_a_row_a_call(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path
) -> None:
    where = ("--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path))
    sizes = ("--sizes", "10", "0", "--samples", "3")
    run_ranks(2, ["-m", "module3_mpi_gpu_overlap.allreduce", *sizes, *where], LIMIT_S)
    rows = read_table(ALLREDUCE, tmp_path)
    assert rows["sample_index"].tolist() == [0, 1, 2] * 4
    assert rows["sum"].tolist()[::3] == ["mpi", "fixed-point"] * 2
    assert rows["elements_count"].tolist()[:3] == [10] * 3
    assert rows["elements_count"].iloc[-1] > 10_000  # the classifier's
    assert (rows["allreduce_s"] > 0).all()


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--ranks", "3"), "3 ranks were to run but MPI sees 2"),
        (("--slow-rank", "2"), "--slow-rank 2 is none of the 2 ranks"),
        (("--data-dir", "nowhere"), "there is no folder nowhere"),
    ],
)
def test_mistakes_are_one_sentence_from_rank_0(
    mpiexec: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    command = [str(mpiexec), "-n", "2", sys.executable, *TRAIN, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, env=dict(os.environ)
    )
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.mpi
def test_more_ranks_than_patients_is_one_sentence(
    run_program: object, short_synthetic: Source
) -> None:
    with pytest.raises(UserError, match="status 2: 2 ranks cannot share 1 patients"):
        run_program("too_few_patients", 2, data_dir=str(short_synthetic.directory))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        (TrainConfig(rounds=0), "--rounds"),
        (TrainConfig(local_steps=0), "--local-steps"),
        (TrainConfig(batch_size=-1), "--batch-size"),
        (TrainConfig(learning_rate=float("nan")), "--learning-rate"),
        (TrainConfig(bucket_bytes=3), "--bucket-bytes"),
        (TrainConfig(evaluate_every=-1), "--evaluate-every"),
        (TrainConfig(server_learning_rate=0), "--server-learning-rate"),
        (TrainConfig(server_momentum=1.0), "--server-momentum"),
        (TrainConfig(dirichlet_alpha=0), "--dirichlet-alpha"),
        (TrainConfig(proximal_mu=-1), "--proximal-mu"),
        (TrainConfig(screening_ratio=float("inf")), "--screening-ratio"),
        (TrainConfig(state_every=0), "--state-every"),
        (TrainConfig(stall_limit_s=-1), "--stall-limit-s"),
        (TrainConfig(resume=True), "--resume needs --state-dir"),
        (TrainConfig(clients_per_round=3), "need --clients subjects"),
        (TrainConfig(mode="G3", clients="subjects"), "G3 needs --clients ranks"),
        (TrainConfig(mode="G3", server="fedadam"), "G3 needs --server fedavg"),
        (TrainConfig(mode="G5", clients="subjects"), "G5 needs --clients ranks"),
        (TrainConfig(sum="fixed-point", wire="int8"), "--sum fixed-point is for a float32 wire"),
        (TrainConfig(sum="fixed-point", exchange="hierarchical"), "and a flat exchange"),
        (TrainConfig(sum="secure", wire="bf16"), "--sum secure is for a float32 wire"),
        (TrainConfig(sum="secure", mode="G3"), "--sum secure needs --mode G0 or G1, not G3"),
        (TrainConfig(clip_norm=1.0), "--clip-norm and --noise-multiplier must both be above 0"),
        (TrainConfig(**PRIVATE, mode="G3"), "--clip-norm needs a mode without delay, not G3"),
        (TrainConfig(**PRIVATE, wire="int8"), "--clip-norm is for a float32 wire"),
        (TrainConfig(**PRIVATE | {"screening_ratio": 5.0}), "needs --screening-ratio 0"),
        (TrainConfig(**PRIVATE | {"class_weights": True}), "needs --no-class-weights"),
        (TrainConfig(sent_ratio=0), "--sent-ratio"),
        (TrainConfig(hidden_width=-1), "--hidden-width"),
        (TrainConfig(hidden_width=9, model="tinyecg"), "--hidden-width is for --model beatnet"),
    ],
)
def test_numbers_that_make_no_sense_name_their_option(wrong: TrainConfig, option: str) -> None:
    with pytest.raises(UserError, match=option):
        check(wrong)
