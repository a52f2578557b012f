"""`train` whose one update goes wrong: started by `fault_injection` in place of `train`.

What is poisoned is said in the environment, so that the run's own options are an ordinary run's.
"""

import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor

from module3_mpi_gpu_overlap import train
from module3_mpi_gpu_overlap.client_training import ClientTraining, Trained
from module3_mpi_gpu_overlap.faults import Fault
from module3_mpi_gpu_overlap.stall_watch import leave

VARIABLE = "CROSSSCALE_FAULT"
ABSURD_LOSS_NATS = 1e6


def poison(fault: Fault) -> None:
    """Make every client training of this process do that fault, on its rank, in its round."""
    from mpi4py import MPI  # starts MPI

    if fault.rank != MPI.COMM_WORLD.rank:
        return
    trained_well = ClientTraining.train

    def train_badly(
        self: ClientTraining, round_index: int, start: Tensor, between: Callable[[], None]
    ) -> Iterator[Trained]:
        for trained in trained_well(self, round_index, start, between):
            bad = round_index == fault.round_index
            yield _poisoned(fault, trained, self._model.vector, start) if bad else trained

    ClientTraining.train = train_badly  # type: ignore[method-assign]


def _poisoned(fault: Fault, trained: Trained, model: Tensor, start: Tensor) -> Trained:
    if fault.kind == "NaN update":
        model[int(fault.fraction * len(model))] = math.nan
    elif fault.kind == "absurd update":
        factor = 10.0 ** (3 + 27 * fault.fraction)
        model.copy_(start + (model - start) * factor)
    else:
        return replace(trained, loss=ABSURD_LOSS_NATS)
    return trained


def main() -> int:
    """Train as the command line says, but for the fault."""
    told: dict[str, Any] = json.loads(os.environ[VARIABLE])
    poison(Fault(**told))
    return train.main()


if __name__ == "__main__":
    leave(main())
