"""A rank's client for runners that are not the suite's: the same training, to the bit."""

import copy

import numpy as np
import torch
from mpi4py import MPI
from torch import Tensor

from crossscale_data.labels import CLASSES
from module3_mpi_gpu_overlap.client_training import ClientTraining, random_seed
from module3_mpi_gpu_overlap.federated import WARM_UP_STEPS
from module3_mpi_gpu_overlap.flat_model import FlatModel
from module3_mpi_gpu_overlap.local_training import LocalOptimizer, class_weights, train_locally
from module3_mpi_gpu_overlap.peers.contestant import Job

CPU = torch.device("cpu")


class LocalClient:
    """What a client holds: model, optimiser and stream of batches, as a rank of the suite does."""

    def __init__(self, job: Job) -> None:
        """Warmed up, with no batches prepared yet; collective."""
        self.model = FlatModel(job.module, CPU)
        self.beats = job.data.clients.beats[job.world.rank]
        self.share = self.beats / sum(job.data.clients.beats)
        self.class_weight = _class_weight(job)
        self._training = ClientTraining(
            job.settings, self.model, job.data.clients, self.class_weight, job.seed
        )
        self._warm_up(job)
        torch.manual_seed(random_seed(job.seed, job.world.rank))

    def prepare(self, index: int) -> None:
        """Draw the batches of a round."""
        self._training.prepare(index)

    def train(self, index: int, start: Tensor) -> None:
        """Train on the prepared batches from `start`, float32 [n], to `model.vector`."""
        for _ in self._training.train(index, start, lambda: None):
            pass

    def _warm_up(self, job: Job) -> None:
        """First use sets up torch's operators: let a throw-away copy of the model pay for it."""
        module = copy.deepcopy(self.model.module)
        optimizer = LocalOptimizer(module, job.settings, CPU)
        batches = self._training.warm_up_batches(WARM_UP_STEPS)
        train_locally(module, optimizer, batches, self.class_weight, job.settings.precision)


def _class_weight(job: Job) -> Tensor:
    beats_of_class = np.zeros(len(CLASSES), np.int64)
    for inputs in job.data.clients.own.values():
        beats_of_class += np.bincount(inputs.label, minlength=len(CLASSES))
    job.world.comm.Allreduce(MPI.IN_PLACE, beats_of_class, MPI.SUM)
    return class_weights(beats_of_class, job.settings.class_weights)
