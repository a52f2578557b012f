"""The suite's classifier trained on beats, and what it says of others."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from crossscale_data.classifier import build_model
from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.labels import CLASSES
from module1_locality.train_config import Recipe

WEIGHT_DECAY = 1e-2
WARMUP_SHARE = 0.2  # of the steps, in which the step size rises
RARE_CLASSES = ("S", "F")
_SCORED_AT_A_TIME = 4096


def train_classifier(
    inputs: BeatInputs, model: str, recipe: Recipe, seed: int, title: str
) -> nn.Module:
    """A classifier trained from random weights: AdamW under a one-cycle step size (Smith 2018).

    The seed decides weights, order and dropout. Beats that do not fill a last batch are left out
    of an epoch, other ones each time.

    Args:
        inputs: beats to train on.
        model: one of `crossscale_data.classifier.MODELS`.
        recipe: how.
        seed: of everything random.
        title: what to write at the progress bar.

    Raises:
        DataError: no such model.
    """
    torch.manual_seed(seed)
    network = build_model(model, inputs.waveform.shape[1], inputs.context.shape[1])
    waveform, context, label = _tensors(inputs)
    batch_size = min(recipe.batch_size, len(label))
    steps = recipe.epochs * (len(label) // batch_size)
    optimizer = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps, pct_start=WARMUP_SHARE
    )
    weight = class_weights(recipe.rare_weight)
    network.train()
    with tqdm(total=steps, desc=title, unit="step", leave=False, mininterval=0.5) as bar:
        for _ in range(recipe.epochs):
            whole = torch.randperm(len(label))[: len(label) // batch_size * batch_size]
            for rows in whole.split(batch_size):
                logits = network(waveform[rows], context[rows])
                losses = cross_entropy(logits, label[rows], reduction="none")
                optimizer.zero_grad(set_to_none=True)
                (losses * weight[label[rows]]).mean().backward()
                optimizer.step()
                schedule.step()
                bar.update()
    return network


@torch.inference_mode()
def predict(network: nn.Module, inputs: BeatInputs) -> npt.NDArray[np.int64]:
    """The most likely class of each beat, an index into CLASSES, int64 [n]."""
    network.eval()
    waveform, context, _ = _tensors(inputs)
    parts = zip(waveform.split(_SCORED_AT_A_TIME), context.split(_SCORED_AT_A_TIME), strict=True)
    predicted: npt.NDArray[np.int64] = torch.cat(
        [network(w, c).argmax(dim=1) for w, c in parts]
    ).numpy()
    return predicted


def class_weights(rare_weight: float) -> Tensor:
    """Weight of each class in the loss, float32 [5]: `rare_weight` for S and F, 1 for the rest."""
    return torch.tensor([rare_weight if name in RARE_CLASSES else 1.0 for name in CLASSES])


def _tensors(inputs: BeatInputs) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.from_numpy(inputs.waveform),
        torch.from_numpy(inputs.context),
        torch.from_numpy(inputs.label.astype(np.int64)),
    )
