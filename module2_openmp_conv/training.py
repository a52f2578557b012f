"""Training and scoring a classifier, so that two kernels see the same batches in one order."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.scores import Scores, confusion_matrix, scores

_SCORING_BATCH = 2048


@dataclass(frozen=True)
class BeatTensors:
    """Beats as a classifier takes them."""

    waveform: Tensor  # float32 [n, channels, length]
    context: Tensor  # float32 [n, features]
    label: Tensor  # int64 [n]

    def __len__(self) -> int:
        """Beats."""
        return len(self.label)


def beat_tensors(inputs: BeatInputs) -> BeatTensors:
    """The inputs as tensors."""
    return BeatTensors(
        torch.from_numpy(inputs.waveform),
        torch.from_numpy(inputs.context),
        torch.from_numpy(inputs.label.astype(np.int64)),
    )


Run = Callable[[Tensor, Tensor], Tensor]


def train_epoch(
    model: nn.Module,
    run: Run,
    optimizer: torch.optim.Optimizer,
    beats: BeatTensors,
    batch_size: int,
    seed: int,
    epoch: int,
) -> tuple[float, float]:
    """One epoch in an order that `seed` and `epoch` fix, dropout included.

    `run` is the model, or what it was compiled to.

    Returns:
        Seconds of the training steps, and the mean cross-entropy in nat.
    """
    torch.manual_seed(seed + 1_000_003 * (epoch + 1))
    order = torch.randperm(len(beats))
    total = torch.zeros(())
    model.train()
    start = time.perf_counter()
    for rows in order.split(batch_size):
        optimizer.zero_grad()
        logits = run(beats.waveform[rows], beats.context[rows])
        loss = nn.functional.cross_entropy(logits, beats.label[rows])
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(rows)
    return time.perf_counter() - start, float(total / len(beats))


def warm_up(model: nn.Module, run: Run, beats: BeatTensors, batch_size: int) -> None:
    """Run the shapes of an epoch forward and back, so that none is compiled or planned while timed.

    The model is left as it was: its parameters' gradients are none, its buffers the same.
    """
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    for rows in torch.arange(len(beats)).split(batch_size)[:: max(1, len(beats) // batch_size)]:
        logits = run(beats.waveform[rows], beats.context[rows])
        nn.functional.cross_entropy(logits, beats.label[rows]).backward()
    model.zero_grad()
    model.load_state_dict(before)


@torch.inference_mode()
def score(model: nn.Module, beats: BeatTensors) -> Scores:
    """The model's scores on those beats."""
    model.eval()
    predicted = [
        model(waveform, context).argmax(dim=1)
        for waveform, context in zip(
            beats.waveform.split(_SCORING_BATCH), beats.context.split(_SCORING_BATCH), strict=True
        )
    ]
    return scores(confusion_matrix(beats.label.numpy(), torch.cat(predicted).numpy()))
