"""What becomes of the clients' average: FedAvg takes it, FedOpt steps towards it.

Reddi et al. 2021 (ICLR), "Adaptive Federated Optimization": the difference of the average and the
global model is a pseudo-gradient D. Every rank makes the same step on the same numbers, so nothing
is sent. Only parameters are stepped; running statistics are averaged and no more.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from module3_mpi_gpu_overlap.config import Settings

BETA_2 = 0.99  # Reddi et al.'s, as is the adaptivity
ADAPTIVITY = 1e-3  # tau


class Server:
    """Turns averages into global models, and keeps momentum from one to the next."""

    def __init__(self, settings: Settings, parameters_count: int, like: Tensor) -> None:
        """For models `like` this vector, whose first `parameters_count` numbers are parameters."""
        self._kind, self._parameters = settings.server, slice(0, parameters_count)
        self._rate, self._beta = settings.server_learning_rate, settings.server_momentum
        kept = {"fedavg": 0, "fedavgm": 1, "fedadam": 2}[self._kind]
        self._moments = [torch.zeros_like(like[self._parameters]) for _ in range(kept)]

    def step(self, model: Tensor, average: Tensor) -> None:
        """Replace the global `model` by the next one; both float32 [n]."""
        if self._kind == "fedavg":
            model.copy_(average)
            return
        parameters = model[self._parameters]
        difference = average[self._parameters] - parameters
        momentum = self._moments[0].mul_(self._beta)
        if self._kind == "fedavgm":  # Hsu et al. 2019: v = beta v + D, w = w + rate v
            momentum.add_(difference)
            # Written as a correction of the average: without momentum, at rate 1, it is FedAvg.
            stepped = average[self._parameters] + (momentum * self._rate - difference)
        else:  # algorithm 2: m, v are means of D and D^2; w = w + rate m / (sqrt(v) + tau)
            momentum.add_(difference, alpha=1 - self._beta)
            square = (
                self._moments[1].mul_(BETA_2).addcmul_(difference, difference, value=1 - BETA_2)
            )
            stepped = parameters + self._rate * momentum / (square.sqrt() + ADAPTIVITY)
        model.copy_(average)
        parameters.copy_(stepped)

    def state(self) -> dict[str, Tensor]:
        """What a resumed run needs, on the host."""
        return {str(i): moment.cpu().clone() for i, moment in enumerate(self._moments)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state`."""
        for i, moment in enumerate(self._moments):
            moment.copy_(state[str(i)])
