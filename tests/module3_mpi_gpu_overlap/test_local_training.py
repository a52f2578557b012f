"""Batches, class weights and steps of one rank."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossscale_data.classifier_inputs import BeatInputs
from module3_mpi_gpu_overlap.local_training import BatchStream, class_weights, train_locally

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
    stream = BatchStream(numbered_beats(beats), batch_size, CPU, seed=0, rank=0)
    steps = -(-epochs * beats // batch_size)
    batches = stream.prepare(steps)
    assert all(len(batch.label) == batch_size for batch in batches)
    seen = torch.cat([batch.context[:, 0] for batch in batches]).int().tolist()
    for epoch in range(epochs):
        assert sorted(seen[epoch * beats : (epoch + 1) * beats]) == list(range(beats))


def test_a_batch_keeps_waveform_context_and_label_together() -> None:
    (batch,) = BatchStream(numbered_beats(20), 20, CPU, seed=1, rank=2).prepare(1)
    assert torch.equal(batch.waveform[:, 0, 0], batch.context[:, 0])
    assert torch.equal(batch.label, batch.context[:, 0].long() % 5)


def test_order_is_that_of_seed_and_rank_however_it_is_drawn() -> None:
    def order(rank: int, calls: tuple[int, ...]) -> list[float]:
        stream = BatchStream(numbered_beats(30), 8, CPU, seed=3, rank=rank)
        return [x for n in calls for b in stream.prepare(n) for x in b.context[:, 0].tolist()]

    assert order(0, (5,)) == order(0, (2, 3))
    assert order(0, (5,)) != order(1, (5,))


def test_preparation_lets_mpi_progress_after_each_batch() -> None:
    calls: list[None] = []
    BatchStream(numbered_beats(9), 3, CPU, 0, 0).prepare(4, lambda: calls.append(None))
    assert len(calls) == 4


def test_class_weights_have_mean_one_over_the_beats_and_favour_rare_classes() -> None:
    counts = np.array([40_000, 900, 3_000, 400, 8])
    weights = class_weights(counts, balanced=True).numpy()
    assert np.average(weights, weights=counts) == pytest.approx(1, rel=1e-5)
    assert weights[0] < weights[2] < weights[1] < weights[3] < weights[4]
    # A class of 8 beats weighs no more than one of 200 would.
    assert weights[4] / weights[3] == pytest.approx(np.sqrt(2), rel=1e-5)
    assert class_weights(counts, balanced=False).tolist() == [1] * 5


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_training_lowers_the_loss(precision: str) -> None:
    torch.manual_seed(0)

    class Toy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(1, 5)

        def forward(self, waveform: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.head(context / 10)
            return logits

    module = Toy()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    batches = BatchStream(numbered_beats(10), 10, CPU, 0, 0).prepare(30)
    first = train_locally(module, optimizer, batches, torch.ones(5), precision)  # type: ignore[arg-type]
    second = train_locally(module, optimizer, batches, torch.ones(5), precision)  # type: ignore[arg-type]
    assert second < first
    assert all(p.dtype == torch.float32 for p in module.parameters())
