"""Differential privacy in training: what each client can move, and the noise on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crossscale_data.source import Source
from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.config import Settings, TrainConfig
from module3_mpi_gpu_overlap.differential_privacy import ClientPrivacy
from module3_mpi_gpu_overlap.mpiexec import run_ranks
from module3_mpi_gpu_overlap.private_rounds import PrivateRounds

pytestmark = pytest.mark.mpi

CLIENTS = 4
CLIP = 0.01
SHARED = {
    "counts": [60] * CLIENTS,
    "module": "plain",
    "clients": "subjects",
    "optimizer": "sgd",
    "local_steps": 3,
    "batch_size": 16,
    "rounds": 1,
    "sum": "fixed-point",
    "screening_ratio": 0.0,
    "class_weights": False,
}
STILL = {**SHARED, "learning_rate": 1e-12}  # the model stays where it was but for the noise
MOVING = {**SHARED, "learning_rate": 0.5}
NOISY = {"clip_norm": CLIP, "noise_multiplier": 100.0}
HARDLY = {"noise_multiplier": 1e-9}
CASES: dict[str, dict[str, Any]] = {
    "still": STILL,
    "plain": MOVING,
    "wide": {**MOVING, **HARDLY, "clip_norm": 1e3},
    "clipped": {**MOVING, **HARDLY, "clip_norm": CLIP},
    "one_broken": {**MOVING, **HARDLY, "clip_norm": CLIP, "broken_clients": [2]},
    "unequal": {**MOVING, **HARDLY, "clip_norm": 1e3, "counts": [60, 60, 60, 240]},
    "noisy": {**STILL, **NOISY},
    "noisy_twice": {**STILL, **NOISY, "rounds": 2},
    "half_drawn": {**STILL, **NOISY, "clients_per_round": 2},
}
STD = CLIP * 100.0 / CLIENTS


@pytest.fixture(scope="module")
def told(run_program: Any) -> Any:
    return run_program("several", 2, **{k: ["federate", v] for k, v in CASES.items()})


@pytest.fixture(scope="module")
def change(told: dict[str, Any]) -> dict[str, np.ndarray]:
    start = np.array(told["still"]["vector"])
    return {name: np.array(case["vector"]) - start for name, case in told.items()}


def test_without_clipping_in_effect_it_is_the_plain_average(change: dict[str, np.ndarray]) -> None:
    assert np.linalg.norm(change["plain"]) > 10 * CLIP
    np.testing.assert_allclose(change["wide"], change["plain"], atol=1e-5)


def test_all_clients_together_move_the_model_by_the_clip_norm_at_most(
    change: dict[str, np.ndarray],
) -> None:
    assert 0.1 * CLIP < np.linalg.norm(change["clipped"]) <= CLIP * (1 + 1e-4)


def test_a_client_that_sends_nothing_usable_counts_as_one_that_did_not_move(
    change: dict[str, np.ndarray],
) -> None:
    others = (CLIENTS - 1) / CLIENTS
    assert 0.1 * CLIP < np.linalg.norm(change["one_broken"]) <= CLIP * others * (1 + 1e-4)


def test_beats_do_not_weigh(told: dict[str, Any]) -> None:
    weights = told["unequal"]["weights"]
    assert sorted(weights) == [0.25, 0.75]  # the largest client has a rank for itself


@pytest.mark.parametrize(
    ("case", "std"),
    [("noisy", STD), ("noisy_twice", np.sqrt(2) * STD), ("half_drawn", 2 * STD)],
)
def test_noise_has_the_stated_deviation_and_is_new_each_round(
    change: dict[str, np.ndarray], case: str, std: float
) -> None:
    assert change[case].std() == pytest.approx(std, rel=0.2)  # of 140 numbers: 6 % off is usual
    assert abs(change[case].mean()) < 0.4 * std


def test_all_ranks_draw_the_same_noise_and_a_run_can_be_repeated(
    told: dict[str, Any], run_program: Any
) -> None:
    again = run_program("several", 4, again=["federate", CASES["noisy"]])
    assert len({*told["noisy"]["digests"], *again["again"]["digests"]}) == 1


def test_training_tells_epsilon(mpiexec: Path, short_synthetic: Source, tmp_path: Path) -> None:
    pytest.importorskip("opacus")
    from module3_mpi_gpu_overlap.private_rounds import epsilon

    where = ("--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path))
    asked = ("--clip-norm", ".01", "--noise-multiplier", "2", "--rounds", "3", "--no-class-weights")
    short = ("--screening-ratio", "0", "--local-steps", "2", "--batch-size", "16")
    command = ["-m", "module3_mpi_gpu_overlap.train", *asked, *short, *where]
    out = run_ranks(2, command, 120.0)
    spent, delta = epsilon(Settings(clip_norm=0.01, noise_multiplier=2.0, rounds=3), holding=2)
    assert f"differential privacy of a client: ({spent:.3g}, {delta:g}) after 3 rounds" in out


def test_half_of_the_clients_a_round_spend_less() -> None:
    pytest.importorskip("opacus")
    from module3_mpi_gpu_overlap.private_rounds import epsilon

    all_drawn = Settings(clip_norm=1.0, noise_multiplier=2.0, rounds=3)
    half = Settings(clip_norm=1.0, noise_multiplier=2.0, rounds=3, clients_per_round=4)
    assert epsilon(half, holding=8)[0] < 0.8 * epsilon(all_drawn, holding=8)[0]


def test_more_clients_a_round_than_there_are_are_all_of_them() -> None:
    pytest.importorskip("opacus")
    from module3_mpi_gpu_overlap.private_rounds import epsilon

    all_drawn = Settings(clip_norm=1.0, noise_multiplier=2.0, rounds=3)
    more = Settings(clip_norm=1.0, noise_multiplier=2.0, rounds=3, clients_per_round=40)
    assert epsilon(more, holding=22) == epsilon(all_drawn, holding=22)


def test_without_its_accountant_nothing_is_trained(
    mpiexec: Path, short_synthetic: Source, tmp_path: Path
) -> None:
    where = ("--data-dir", str(short_synthetic.directory), "--results-dir", str(tmp_path))
    asked = ("--clip-norm", "1", "--noise-multiplier", "2", "--no-class-weights")
    command = ["-m", "module3_mpi_gpu_overlap.train", *asked, "--screening-ratio", "0", *where]
    without = "import sys; sys.modules['opacus'] = None; import runpy; "
    run = "runpy.run_module('module3_mpi_gpu_overlap.train', run_name='__main__')"
    arguments = ["-c", f"{without}sys.argv[1:] = {command[2:]!r}; {run}"]
    with pytest.raises(UserError, match="opacus, which privacy needs") as raised:
        run_ranks(2, arguments, 120.0)
    assert "training" not in str(raised.value)


def test_a_fixed_number_of_clients_a_round_is_told_to_have_no_bound() -> None:
    pytest.importorskip("opacus")
    from module3_mpi_gpu_overlap.train import _privacy_line

    config = {"clip_norm": 1.0, "noise_multiplier": 2.0, "clients": "subjects"}
    some = TrainConfig(**config, clients_per_round=2)  # type: ignore[arg-type]
    everyone = TrainConfig(**config)  # type: ignore[arg-type]
    assert _privacy_line(some, [5, 5, 0, 5]).endswith("of a fixed number it is no bound")
    assert _privacy_line(everyone, [5, 5, 0, 5]).endswith(f"after {everyone.rounds} rounds")


def test_noise_leaves_no_variance_below_its_own_deviation() -> None:
    privacy, variances = ClientPrivacy(clip_norm=1.0, noise_multiplier=2.0), [slice(1000, 3000)]
    start = torch.full((3000,), 0.01)
    plain, kept = torch.zeros(3000), torch.zeros(3000)  # changes: nobody moved
    PrivateRounds(privacy, seed=0).finish(plain, start, of=8, index=0)
    PrivateRounds(privacy, 0, variances).finish(kept, start, of=8, index=0)
    assert plain[1000:].min() < 0  # what noise of deviation 0.25 does to variances of 0.01
    assert kept[1000:].min() == pytest.approx(2.0 / 8)
    assert torch.equal(kept, torch.cat([plain[:1000], plain[1000:].clamp(min=2.0 / 8)]))


def test_what_is_added_up_keeps_the_norm_however_large_the_model_is() -> None:
    generator = torch.Generator().manual_seed(0)
    start = 1e3 * torch.randn(10_000, generator=generator)
    model = start + torch.randn(10_000, generator=generator)
    added = PrivateRounds(ClientPrivacy(clip_norm=CLIP), seed=0).clipped(model, start)
    assert 0.99 * CLIP < float(added.double().norm()) <= CLIP
