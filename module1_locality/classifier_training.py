"""The suite's classifier in training, epoch by epoch, and what it says of beats."""

from collections.abc import Iterable
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from crossscale_data.classifier import build_model
from crossscale_data.labels import CLASSES
from crossscale_data.packed_inputs import PackedInputs, unpack
from crossscale_results import UserError
from module1_locality.lanes import Batch, Lane
from module1_locality.train_config import Recipe

WEIGHT_DECAY = 1e-2
WARMUP_SHARE = 0.2  # of the steps, in which the step size rises
RARE_CLASSES = ("S", "F")
_SCORED_AT_A_TIME = 4096


class ClassifierTraining:
    """A classifier on its way: AdamW under a one-cycle step size (Smith 2018).

    An epoch is made of whole batches: a small last one would be trained on with the step size of a
    large one and upset the batch statistics. Which beats are left out is the order's choice, other
    ones each epoch. The seed decides the weights, and with the epoch's number all that is random
    in it, so that an epoch needs nothing of the process that trained the one before.
    """

    def __init__(
        self, inputs: PackedInputs, beats: int, model: str, recipe: Recipe, seed: int, lane: Lane
    ) -> None:
        """Draw the weights.

        Args:
            inputs: whose rows the batches will be.
            beats: how many are trained on.
            model: one of `crossscale_data.classifier.MODELS`.
            recipe: how.
            seed: of everything random.
            lane: the batches' way to the device.

        Raises:
            DataError: no such model.
        """
        torch.manual_seed(seed)
        self._seed = seed
        self._lane = lane
        self._waveform_shape = inputs.waveform_shape
        self.batch_size = min(recipe.batch_size, beats)
        self.steps_per_epoch = beats // self.batch_size
        self.epochs = recipe.epochs
        network = build_model(model, inputs.waveform_shape[0], inputs.context_features)
        self.network: nn.Module = network.to(lane.device)
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), recipe.learning_rate, weight_decay=WEIGHT_DECAY
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            recipe.learning_rate,
            total_steps=recipe.epochs * self.steps_per_epoch,
            pct_start=WARMUP_SHARE,
        )
        self._class_weight = class_weights(recipe.rare_weight).to(lane.device)
        self.epochs_done = 0
        self.training_s = 0.0

    @property
    def beats_trained(self) -> int:
        """Beats in the batches so far, a beat counted once an epoch."""
        return self.epochs_done * self.steps_per_epoch * self.batch_size

    def train_epoch(self, batches: Iterable[Batch], bar: "tqdm[Any]") -> None:
        """Train on an epoch's whole batches: packed rows float32 [B, 1, row], labels int64 [B].

        Interrupted, it leaves weights of a part of an epoch, which are of no use.
        """
        torch.manual_seed(_mixed(self._seed, self.epochs_done))
        self.network.train()
        start = perf_counter()
        for rows, label in batches:
            waveform, context = unpack(rows.squeeze(1), self._waveform_shape)
            losses = cross_entropy(self.network(waveform, context), label, reduction="none")
            self._optimizer.zero_grad(set_to_none=True)
            (losses * self._class_weight[label]).mean().backward()
            self._optimizer.step()
            self._schedule.step()
            bar.update()
        self._lane.wait(self._lane.mark_compute())
        self.training_s += perf_counter() - start
        self._lane.clear_times()  # nobody asks for them here
        self.epochs_done += 1

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on; tensors and plain values only."""
        return {
            "epochs_done": self.epochs_done,
            "training_s": self.training_s,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state` of the same training."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self.epochs_done = state["epochs_done"]
        self.training_s = state["training_s"]


@torch.inference_mode()
def predict(
    network: nn.Module, inputs: PackedInputs, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The most likely class of each of those rows, an index into CLASSES, int64 [rows].

    Raises:
        UserError: a score is NaN or infinite: it would be the largest, and be taken for a class.
    """
    network.eval()
    device = next(network.parameters()).device
    predicted = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), _SCORED_AT_A_TIME):
        part = slice(start, start + _SCORED_AT_A_TIME)
        packed = torch.from_numpy(inputs.rows[rows[part]]).to(device)
        logits = network(*unpack(packed, inputs.waveform_shape))
        if not torch.isfinite(logits).all():
            raise UserError(
                "the classifier's scores are NaN or infinite: its training did not converge; "
                "train it again with another seed, and report it if that ends likewise"
            )
        predicted[part] = logits.argmax(dim=1).cpu().numpy()
    return predicted


def class_weights(rare_weight: float) -> Tensor:
    """Weight of each class in the loss, float32 [5]: `rare_weight` for S and F, 1 for the rest."""
    return torch.tensor([rare_weight if name in RARE_CLASSES else 1.0 for name in CLASSES])


def _mixed(seed: int, epoch: int) -> int:
    """A seed of the epoch's own, far from those of other seeds and epochs."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0] >> 1)
