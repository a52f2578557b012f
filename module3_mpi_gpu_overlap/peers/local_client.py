"""A rank's client for runners that are not the suite's: the same training, to the bit."""

import torch
from torch import Tensor

from module3_mpi_gpu_overlap.client_training import ClientTraining, random_seed
from module3_mpi_gpu_overlap.federated import class_weight_of
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.peers.contestant import Job

CPU = torch.device("cpu")


class LocalClient:
    """What a client holds: model, optimiser and stream of batches, as a rank of the suite does."""

    def __init__(self, job: Job) -> None:
        """Warmed up, with no batches prepared yet; collective."""
        self.model = FlatModel(job.module, CPU)
        self.beats = job.data.clients.beats[job.world.rank]
        self.share = self.beats / sum(job.data.clients.beats)
        self.class_weight = class_weight_of(job.world.comm, job.settings, job.data.clients)
        self._training = ClientTraining(
            job.settings, self.model, job.data.clients, self.class_weight, job.seed
        )
        self._training.warm_up()
        torch.manual_seed(random_seed(job.seed, job.world.rank))

    def prepare(self, index: int) -> None:
        """Draw the batches of a round."""
        self._training.prepare(index)

    def train(self, index: int, start: Tensor) -> None:
        """Train on the prepared batches from `start`, float32 [n], to `model.vector`."""
        for _ in self._training.train(index, start, lambda: None):
            pass
