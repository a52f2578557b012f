"""What a rank does between two averagings: draw batches, and take optimiser steps."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.labels import CLASSES
from module3_mpi_gpu_overlap.config import Precision, Settings

FEWEST_BEATS = 200  # a class with fewer is weighed as if it had so many


@dataclass(frozen=True)
class Batch:
    """One mini-batch on the training device."""

    waveform: Tensor  # float32 [B, C, L]
    context: Tensor  # float32 [B, F]
    label: Tensor  # int64 [B]


class BatchStream:
    """Mini-batches of one rank's beats: epoch after epoch, each in a new random order.

    Batches are always full: one may hold the end of an epoch and the beginning of the next.
    """

    def __init__(
        self, inputs: BeatInputs, batch_size: int, device: torch.device, seed: int, rank: int
    ) -> None:
        """`seed` and `rank` alone decide the order."""
        self._inputs, self._batch_size, self._device = inputs, batch_size, device
        self._rng = np.random.default_rng([seed, rank])
        self._order: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def prepare(self, steps: int, between: Callable[[], None] = lambda: None) -> list[Batch]:
        """The next batches, gathered and on the device; `between` is called after each."""
        batches = []
        for _ in range(steps):
            batches.append(self._gather(self._next_rows()))
            between()
        return batches

    def _next_rows(self) -> npt.NDArray[np.int64]:
        while len(self._order) < self._batch_size:
            epoch = self._rng.permutation(len(self._inputs.label))
            self._order = np.concatenate([self._order, epoch])
        rows, self._order = np.split(self._order, [self._batch_size])
        return rows

    def _gather(self, rows: npt.NDArray[np.int64]) -> Batch:
        arrays = (
            self._inputs.waveform[rows],
            self._inputs.context[rows],
            self._inputs.label[rows].astype(np.int64),
        )
        return Batch(*(torch.from_numpy(array).to(self._device) for array in arrays))


def build_optimizer(module: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """The local optimiser; `sgd` is plain: no momentum, no decay."""
    if settings.optimizer == "sgd":
        return torch.optim.SGD(module.parameters(), lr=settings.learning_rate)
    return torch.optim.AdamW(module.parameters(), lr=settings.learning_rate)


def train_locally(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Batch],
    class_weight: Tensor,
    precision: Precision,
) -> float:
    """One optimiser step a batch; the mean training loss, in nats."""
    module.train()
    losses = []
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(
            batch.waveform.device.type, torch.bfloat16, enabled=precision == "bf16"
        ):
            logits = module(batch.waveform, batch.context)
        beat_losses = F.cross_entropy(logits.float(), batch.label, reduction="none")
        # A plain mean of weighted losses: the average over ranks is then that of one big batch.
        loss = (beat_losses * class_weight[batch.label]).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def class_weights(beats_of_class: npt.NDArray[np.int64], balanced: bool) -> Tensor:
    """Weight of each class in the loss, float32 [5], with mean 1 over the beats.

    Args:
        beats_of_class: training beats over all ranks, int64 [5].
        balanced: False gives ones.
    """
    if not balanced:
        return torch.ones(len(CLASSES))
    weights = 1.0 / np.sqrt(np.maximum(beats_of_class, FEWEST_BEATS))
    weights /= np.average(weights, weights=beats_of_class)
    return torch.from_numpy(weights.astype(np.float32))
