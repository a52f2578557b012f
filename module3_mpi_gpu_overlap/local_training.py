"""What a client does between two averagings: draw batches, and take optimiser steps."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.labels import CLASSES
from module3_mpi_gpu_overlap.config import Settings

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
FUSED_DEVICES = ("cpu", "cuda", "mps", "xpu")  # for which torch has a fused AdamW
FEWEST_BEATS = 200  # a class with fewer is weighed as if it had so many


@dataclass(frozen=True)
class Batch:
    """One mini-batch on the training device."""

    waveform: Tensor  # float32 [B, C, L]
    context: Tensor  # float32 [B, F]
    label: Tensor  # int64 [B]


class BatchStream:
    """Mini-batches of one client's beats: epoch after epoch, each in a new random order.

    Batches are always full: one may hold the end of an epoch and the beginning of the next.
    """

    def __init__(
        self, inputs: BeatInputs, batch_size: int, device: torch.device, seed: Sequence[int]
    ) -> None:
        """`seed` alone decides the order: numbers that no other stream of the run has."""
        self._inputs, self._batch_size, self._device = inputs, batch_size, device
        self._rng = np.random.default_rng(seed)
        self._order: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def prepare(self, steps: int, between: Callable[[], None] = lambda: None) -> list[Batch]:
        """The next batches, gathered and on the device; `between` is called after each."""
        batches = []
        for _ in range(steps):
            batches.append(self._gather(self._next_rows()))
            between()
        return batches

    def state(self) -> dict[str, Any]:
        """Where the stream stands."""
        return {
            "random": self._rng.bit_generator.state,
            "order": torch.from_numpy(self._order.copy()),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        self._rng.bit_generator.state = state["random"]
        self._order = state["order"].numpy()

    def _next_rows(self) -> npt.NDArray[np.int64]:
        while len(self._order) < self._batch_size:
            epoch = self._rng.permutation(len(self._inputs.label))
            self._order = np.concatenate([self._order, epoch])
        rows, self._order = self._order[: self._batch_size], self._order[self._batch_size :]
        return rows

    def _gather(self, rows: npt.NDArray[np.int64]) -> Batch:
        arrays = (
            self._inputs.waveform.take(rows, axis=0),  # two thirds of the time of `[rows]`
            self._inputs.context.take(rows, axis=0),
            self._inputs.label.take(rows).astype(np.int64),
        )
        return Batch(*(torch.from_numpy(array).to(self._device) for array in arrays))


class LocalOptimizer:
    """A client's optimiser and, in fp16, the scale of its loss; `sgd` is plain SGD."""

    def __init__(self, module: nn.Module, settings: Settings, device: torch.device) -> None:
        """A fresh one: no moments, torch's initial scale."""
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        rate = settings.learning_rate
        self.optimizer: torch.optim.Optimizer
        if settings.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(self.parameters, lr=rate)
        else:
            # One pass over weights and moments, where torch's default on a CPU makes a dozen.
            fused = device.type in FUSED_DEVICES
            self.optimizer = torch.optim.AdamW(self.parameters, lr=rate, fused=fused)
        # Where it is not enabled it passes on losses and steps as they are.
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "fp16")

    def step(self, loss: Tensor, pull: "ProximalTerm | None" = None) -> None:
        """One step down the loss, and down the proximal term; gradients are set anew.

        In fp16 a step whose gradients are not finite is left out, and the scale lowered.
        """
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if pull is not None:
            self.scaler.unscale_(self.optimizer)
            pull.add_gradient(self.parameters)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])


class ProximalTerm:
    """FedProx (Li et al. 2020, MLSys): mu / 2 times the squared distance to the round's start."""

    def __init__(self, module: nn.Module, mu: float) -> None:
        """Pull towards the parameters that `module` has now."""
        self._start = [p.detach().clone() for p in module.parameters() if p.requires_grad]
        self._mu = mu

    @torch.no_grad()
    def add_gradient(self, parameters: Sequence[Tensor]) -> None:
        """Add mu (w - start) to the gradients."""
        for parameter, start in zip(parameters, self._start, strict=True):
            if parameter.grad is not None:
                parameter.grad.add_(parameter - start, alpha=self._mu)


def train_locally(
    module: nn.Module,
    optimizer: LocalOptimizer,
    batches: Iterable[Batch],
    class_weight: Tensor,
    precision: str,
    pull: ProximalTerm | None = None,
    between: Callable[[], None] = lambda: None,
) -> float:
    """One optimiser step a batch; the mean training loss, in nats.

    The loss told is that of the beats, without the proximal term; steps whose loss overflowed in
    fp16 are not in its mean. `between` is called after each step.
    """
    if not module.training:  # telling every layer takes as long as a small model's average
        module.train()
    losses = []
    for batch in batches:
        dtype = AUTOCAST.get(precision)
        with torch.autocast(batch.waveform.device.type, dtype, enabled=dtype is not None):
            logits = module(batch.waveform, batch.context)
        beat_losses = F.cross_entropy(logits.float(), batch.label, reduction="none")
        # A plain mean of weighted losses: the average over ranks is then that of one big batch.
        loss = (beat_losses * class_weight[batch.label]).mean()
        optimizer.step(loss, pull)
        losses.append(loss.detach())
        between()
    finite = [loss for loss in torch.stack(losses).tolist() if math.isfinite(loss)]
    return fmean(finite) if finite else math.nan


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
