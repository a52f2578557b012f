"""Batches, class weights and steps of one rank."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from crossscale_data.classifier_inputs import BeatInputs
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.local_training import (
    BatchStream,
    LocalOptimizer,
    ProximalTerm,
    class_weights,
    train_locally,
)

CPU = torch.device("cpu")


def numbered_beats(beats: int) -> BeatInputs:
    """Beats whose waveform and context are their own number."""
    numbers = np.arange(beats, dtype=np.float32)
    return BeatInputs(
        waveform=np.broadcast_to(numbers[:, None, None], (beats, 1, 4)).copy(),
        context=numbers[:, None].copy(),
        label=(np.arange(beats) % 5).astype(np.uint8),
        record=np.full(beats, 100, np.int16),
    )


@given(beats=st.integers(1, 40), batch_size=st.integers(1, 50), epochs=st.integers(1, 3))
def test_every_epoch_sees_every_beat_once(beats: int, batch_size: int, epochs: int) -> None:
    stream = BatchStream(numbered_beats(beats), batch_size, CPU, [0, 0])
    steps = -(-epochs * beats // batch_size)
    batches = stream.prepare(steps)
    assert all(len(batch.label) == batch_size for batch in batches)
    seen = torch.cat([batch.context[:, 0] for batch in batches]).int().tolist()
    for epoch in range(epochs):
        assert sorted(seen[epoch * beats : (epoch + 1) * beats]) == list(range(beats))


def test_a_batch_keeps_waveform_context_and_label_together() -> None:
    (batch,) = BatchStream(numbered_beats(20), 20, CPU, [1, 2]).prepare(1)
    assert torch.equal(batch.waveform[:, 0, 0], batch.context[:, 0])
    assert torch.equal(batch.label, batch.context[:, 0].long() % 5)


def test_order_is_that_of_the_seed_however_it_is_drawn() -> None:
    def order(rank: int, calls: tuple[int, ...]) -> list[float]:
        stream = BatchStream(numbered_beats(30), 8, CPU, [3, rank])
        return [x for n in calls for b in stream.prepare(n) for x in b.context[:, 0].tolist()]

    assert order(0, (5,)) == order(0, (2, 3))
    assert order(0, (5,)) != order(1, (5,))


def test_preparation_lets_mpi_progress_after_each_batch() -> None:
    calls: list[None] = []
    BatchStream(numbered_beats(9), 3, CPU, [0]).prepare(4, lambda: calls.append(None))
    assert len(calls) == 4


def test_class_weights_have_mean_one_over_the_beats_and_favour_rare_classes() -> None:
    counts = np.array([40_000, 900, 3_000, 400, 8])
    weights = class_weights(counts, balanced=True).numpy()
    assert np.average(weights, weights=counts) == pytest.approx(1, rel=1e-5)
    assert weights[0] < weights[2] < weights[1] < weights[3] < weights[4]
    # A class of 8 beats weighs no more than one of 200 would.
    assert weights[4] / weights[3] == pytest.approx(np.sqrt(2), rel=1e-5)
    assert class_weights(counts, balanced=False).tolist() == [1] * 5


class Toy(torch.nn.Module):
    """Sees the beat's number alone."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = torch.nn.Linear(1, 5)

    def forward(self, waveform: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(context / 10)
        return logits


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_training_lowers_the_loss(kind: str, precision: str) -> None:
    module = Toy()
    settings = Settings(optimizer=kind, learning_rate=0.1, precision=precision)  # type: ignore[arg-type]
    optimizer = LocalOptimizer(module, settings, CPU)
    batches = BatchStream(numbered_beats(10), 10, CPU, [0]).prepare(30)
    losses = [
        train_locally(module, optimizer, batches, torch.ones(5), settings.precision)
        for _ in range(2)
    ]
    assert losses[1] < losses[0]
    assert all(p.dtype == torch.float32 for p in module.parameters())


def test_one_pass_of_adam_makes_the_steps_that_its_many_do() -> None:
    module, plain = Toy(), Toy()
    ours = LocalOptimizer(module, Settings(learning_rate=0.1), CPU)
    theirs = torch.optim.AdamW(plain.parameters(), lr=0.1, foreach=False, fused=False)
    for batch in BatchStream(numbered_beats(30), 8, CPU, [0]).prepare(20):
        ours.step(F.cross_entropy(module(batch.waveform, batch.context), batch.label))
        theirs.zero_grad()
        F.cross_entropy(plain(batch.waveform, batch.context), batch.label).backward()
        theirs.step()
    for a, b in zip(module.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    assert all(group["fused"] for group in ours.optimizer.param_groups)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_fp16_leaves_out_a_step_that_overflows_and_lowers_its_scale(kind: str) -> None:
    module = Toy()
    settings = Settings(optimizer=kind, learning_rate=0.1, precision="fp16")  # type: ignore[arg-type]
    optimizer = LocalOptimizer(module, settings, CPU)
    before = [p.detach().clone() for p in module.parameters()]
    scale = optimizer.scaler.get_scale()
    optimizer.step(module(torch.zeros(1), torch.ones(1, 1)).sum() * 1e38)
    assert optimizer.scaler.get_scale() < scale
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


@pytest.mark.parametrize("precision", ["float32", "fp16"])
def test_the_proximal_term_adds_mu_times_the_distance_to_the_gradient(precision: str) -> None:
    settings = Settings(optimizer="sgd", learning_rate=0.1, precision=precision)  # type: ignore[arg-type]
    plain, pulled = Toy(), Toy()
    pull = ProximalTerm(pulled, mu=2.0)
    with torch.no_grad():
        for parameter in (*plain.parameters(), *pulled.parameters()):
            parameter.add_(0.5)  # the distance to the start
    for module, term in ((plain, None), (pulled, pull)):
        loss = module(torch.zeros(1), torch.ones(1, 1)).sum()
        LocalOptimizer(module, settings, CPU).step(loss, term)
    for a, b in zip(plain.parameters(), pulled.parameters(), strict=True):
        torch.testing.assert_close(a - b, torch.full_like(a, 0.1 * 2.0 * 0.5))


@pytest.mark.parametrize("precision", ["float32", "fp16"])
def test_a_kept_optimizer_and_stream_go_on_to_the_bit(precision: str, tmp_path: Path) -> None:
    settings = Settings(precision=precision)  # type: ignore[arg-type]
    module, stream = Toy(), BatchStream(numbered_beats(30), 8, CPU, [4])
    optimizer = LocalOptimizer(module, settings, CPU)
    train_locally(module, optimizer, stream.prepare(5), torch.ones(5), settings.precision)
    kept = {"optimizer": optimizer.state(), "stream": stream.state(), "model": module.state_dict()}
    torch.save(kept, tmp_path / "state.pt")

    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    resumed, resumed_stream = Toy(), BatchStream(numbered_beats(30), 8, CPU, [9])
    resumed.load_state_dict(loaded["model"])
    resumed_optimizer = LocalOptimizer(resumed, settings, CPU)
    resumed_optimizer.load(loaded["optimizer"])
    resumed_stream.load(loaded["stream"])
    for own, steps, batches in (
        (module, optimizer, stream.prepare(7)),
        (resumed, resumed_optimizer, resumed_stream.prepare(7)),
    ):
        train_locally(own, steps, batches, torch.ones(5), settings.precision)
    for a, b in zip(module.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
