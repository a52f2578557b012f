"""The work that every rung feeds: one training step of the paper's TinyECG."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from crossscale_data.classifier import build_model
from module1_locality.lanes import Batch, Lane

LEARNING_RATE = 1e-3


class TrainingStep:
    """TinyECG under Adam, started from the same weights for the same seed."""

    def __init__(self, seed: int, lane: Lane) -> None:
        torch.manual_seed(seed)
        self._lane = lane
        self._model = build_model("tinyecg", channels=1, context_features=0).to(lane.device)
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=LEARNING_RATE)
        self._losses: list[Tensor] = []

    def __call__(self, batch: Batch) -> None:
        """Forward, backward and update; nothing in here waits for the device."""
        waveform, label = batch
        with self._lane.time_compute():
            self._optimizer.zero_grad(set_to_none=True)
            loss = cross_entropy(self._model(waveform, None), label)
            loss.backward()
            self._optimizer.step()
        self._losses.append(loss.detach())

    def losses(self) -> list[float]:
        """Training loss of each step so far, in nat; waits for the device."""
        return torch.stack(self._losses).tolist()
