"""The averaged model scored on DS2: each rank its share of the records, counts added exactly."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from mpi4py import MPI
from torch import nn

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.labels import CLASSES
from crossscale_data.records import DS1, shared_subjects
from crossscale_data.scores import confusion_matrix
from module3_mpi_gpu_overlap.launch import AgreedError

# 202 (DS2) is the subject of 201 (DS1): the usual test set, and the one of unseen subjects only.
TestSet = Literal["DS2", "DS2-disjoint"]
TEST_SETS: tuple[TestSet, ...] = ("DS2", "DS2-disjoint")
ROWS_AT_A_TIME = 2048
NO_CLASS = -1

Confusions = dict[TestSet, npt.NDArray[np.int64]]


def confusion_over_ranks(
    comm: MPI.Intracomm, module: nn.Module, own_share: BeatInputs, device: torch.device
) -> Confusions:
    """Confusion matrix, int64 [5, 5], of each of `TEST_SETS` over all ranks; collective.

    The model is evaluated in float32, in whatever precision it was trained.

    Raises:
        AgreedError: on every rank: the model gives scores that are NaN or infinite. They have a
            largest one, too, which would be counted as a class.
    """
    predicted = predict(module, own_share, device)
    lost = comm.allreduce(int(np.count_nonzero(predicted == NO_CLASS)))
    if lost:
        raise AgreedError(
            f"the averaged model's scores of {lost} test beats are NaN or infinite: its numbers "
            "have grown too large, or a variance is below zero; lower --learning-rate"
        )
    records = np.unique(own_share.record).tolist()
    seen = [record for record in records if shared_subjects(DS1, [record])]
    unseen_subject = ~np.isin(own_share.record, seen)
    counts = np.stack(
        [
            confusion_matrix(own_share.label[rows], predicted[rows])
            for rows in (np.ones_like(unseen_subject), unseen_subject)
        ]
    )
    comm.Allreduce(MPI.IN_PLACE, counts, MPI.SUM)
    return dict(zip(TEST_SETS, counts, strict=True))


@torch.inference_mode()
def predict(module: nn.Module, inputs: BeatInputs, device: torch.device) -> npt.NDArray[np.int64]:
    """The most likely class of each beat, int64 [n]; NO_CLASS where a score is not finite."""
    module.eval()
    predicted = np.empty(len(inputs.label), np.int64)
    for start in range(0, len(predicted), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        waveform, context = (
            torch.from_numpy(array[rows]).to(device) for array in (inputs.waveform, inputs.context)
        )
        scores = module(waveform, context)
        finite = torch.isfinite(scores).all(dim=1)
        predicted[rows] = torch.where(finite, scores.argmax(dim=1), NO_CLASS).cpu().numpy()
    assert predicted.max(initial=0) < len(CLASSES)
    return predicted
