"""The averaged model's scores: right, and none made of numbers that are not finite."""

import numpy as np
import pytest
import torch
from mpi4py import MPI
from torch import Tensor, nn

from crossscale_data.classifier import build_model
from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.rr_context import CONTEXT_FEATURES
from module3_mpi_gpu_overlap.evaluation import confusion_over_ranks, predict
from module3_mpi_gpu_overlap.launch import AgreedError

CPU = torch.device("cpu")
BEATS = 3000  # more than are scored at a time


def beats() -> BeatInputs:
    rng = np.random.default_rng(0)
    return BeatInputs(
        waveform=rng.standard_normal((BEATS, 2, 108)).astype(np.float32),
        context=rng.standard_normal((BEATS, CONTEXT_FEATURES)).astype(np.float32),
        label=rng.integers(0, 5, BEATS),
        record=np.repeat([202, 100], BEATS // 2),
    )


class Told(nn.Module):
    """Scores that are the context's first five numbers."""

    def forward(self, waveform: Tensor, context: Tensor) -> Tensor:
        return context[:, :5]


def test_every_beat_is_counted_once_under_its_class_and_its_largest_score() -> None:
    own = beats()
    confusions = confusion_over_ranks(MPI.COMM_SELF, Told(), own, CPU)
    expected = np.zeros((5, 5), np.int64)
    np.add.at(expected, (own.label, own.context[:, :5].argmax(1)), 1)
    np.testing.assert_array_equal(confusions["DS2"], expected)
    assert confusions["DS2-disjoint"].sum() == BEATS // 2  # 202 is the subject of 201, in DS1


def test_scores_that_are_not_finite_are_no_class() -> None:
    own = beats()
    own.context[[5, 2500], 2] = np.nan, np.inf
    predicted = predict(Told(), own, CPU)
    assert np.flatnonzero(predicted < 0).tolist() == [5, 2500]
    with pytest.raises(AgreedError, match="scores of 2 test beats are NaN or infinite"):
        confusion_over_ranks(MPI.COMM_SELF, Told(), own, CPU)


def test_a_variance_below_zero_is_told_and_not_scored() -> None:
    torch.manual_seed(0)
    model = build_model("beatnet", 2, CONTEXT_FEATURES)
    assert confusion_over_ranks(MPI.COMM_SELF, model, beats(), CPU)["DS2"].sum() == BEATS
    next(b for name, b in model.named_buffers() if name.endswith("running_var"))[3] = -0.5
    with pytest.raises(AgreedError, match=f"scores of {BEATS} test beats"):
        confusion_over_ranks(MPI.COMM_SELF, model, beats(), CPU)
