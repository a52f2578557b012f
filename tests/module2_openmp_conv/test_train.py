"""Training: both kernels see the same batches, and rows hold true scores."""

from pathlib import Path

import pytest
import torch

from crossscale_data.classifier import build_model
from crossscale_data.rr_context import CONTEXT_FEATURES
from crossscale_results import UserError, read_table
from module2_openmp_conv import fuse_blocks, replace_conv1d, train
from module2_openmp_conv.columns import TRAINING_TABLE
from module2_openmp_conv.config import Train
from module2_openmp_conv.training import BeatTensors, score, train_epoch, warm_up


def test_kernels_learn_the_same(results_dir: Path) -> None:
    frame = read_table(TRAINING_TABLE, results_dir)
    assert len(frame) == 6
    for _, same in frame.groupby("epoch"):
        assert set(same["kernel"]) == {"torch", "crossscale", "crossscale_fused"}
        low, _, high = sorted(same["training_loss"])
        assert low == pytest.approx(high, rel=1e-3)
    losses = frame[frame["kernel"] == "crossscale"].sort_values("epoch")["training_loss"]
    assert losses.iloc[1] < losses.iloc[0]


def test_kernels_take_turns_epoch_by_epoch(results_dir: Path) -> None:
    epochs = list(read_table(TRAINING_TABLE, results_dir)["epoch"])
    assert epochs == [0, 0, 0, 1, 1, 1]


def test_warming_up_leaves_the_model_as_it_was() -> None:
    beats = BeatTensors(
        torch.randn(70, 2, 84), torch.randn(70, CONTEXT_FEATURES), torch.arange(70) % 3
    )
    model = fuse_blocks(build_model("beatnet", 2, CONTEXT_FEATURES))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batches = []

    def run(waveform: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        batches.append(len(waveform))
        return model(waveform, context)

    warm_up(model, run, beats, 16)
    assert {16, 70 % 16} <= set(batches)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(parameter.grad is None for parameter in model.parameters())


def test_undefined_scores_have_their_reason(results_dir: Path) -> None:
    frame = read_table(TRAINING_TABLE, results_dir)
    # The doubles hold no F: its F1 is undefined unless the model predicts F.
    for _, row in frame.iterrows():
        assert (str(row["f_f1"]) == "<NA>") == ("f_f1: the class" in row["not_measured"])
        if "f_f1" in row["not_measured"]:
            assert "macro_4_f1" in row["not_measured"]


def test_epoch_is_fixed_by_seed_and_number() -> None:
    generator = torch.Generator().manual_seed(0)
    beats = BeatTensors(
        torch.randn(64, 2, 84, generator=generator),
        torch.randn(64, CONTEXT_FEATURES, generator=generator),
        torch.arange(64) % 3,
    )
    losses = []
    for swap in (lambda model: model, replace_conv1d, replace_conv1d, fuse_blocks, fuse_blocks):
        torch.manual_seed(0)
        model = swap(build_model("beatnet", 2, CONTEXT_FEATURES))
        optimizer = torch.optim.Adam(model.parameters())
        losses.append(train_epoch(model, model, optimizer, beats, 16, seed=0, epoch=0)[1])
        torch.rand(7)  # whoever draws in between must not matter
    assert losses[1] == losses[2]
    assert losses[3] == losses[4]
    assert losses[1:] == pytest.approx([losses[0]] * 4, rel=1e-4)


def test_score_counts_every_beat_without_dropout() -> None:
    class Oracle(torch.nn.Module):
        def forward(self, waveform: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
            assert not self.training
            return torch.nn.functional.one_hot(context[:, 0].long(), 5)

    label = torch.arange(5000) % 4
    found = score(Oracle(), BeatTensors(torch.zeros(5000, 1, 1), label[:, None].float(), label))
    assert found.f1[:4] == (1, 1, 1, 1)
    assert found.accuracy == 1


@pytest.mark.parametrize(
    ("config", "option"),
    [
        (Train(epochs=0), "--epochs"),
        (Train(batch_size=0), "--batch-size"),
        (Train(learning_rate=0.0), "--learning-rate"),
        (Train(seed=-1), "--seed"),
    ],
)
def test_bad_options_are_named(config: Train, option: str) -> None:
    with pytest.raises(UserError, match=option):
        train.train(config)
