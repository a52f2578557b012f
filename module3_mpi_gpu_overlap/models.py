"""The classifier that is trained together, made larger where there is to be more to communicate."""

import torch
from torch import nn

from crossscale_data.classifier import build_model
from crossscale_data.prepared import Beats
from module3_mpi_gpu_overlap.client_data import input_shape
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.flat_model import FlatModel

DROPOUT = 0.3  # as in BeatNet's head


def model_of(settings: Settings, channels: int, context_features: int) -> nn.Module:
    """A fresh classifier; its weights are drawn from torch's global generator.

    With `hidden_width` w, BeatNet's head that tells N or S, V, F and Q gets two hidden layers of w
    units in place of one of 48: about w^2 + 85 w more parameters, and 2 floating-point operations
    of each for a beat, so that its size grows faster than its computing.
    """
    module = build_model(settings.model, channels, context_features)
    if settings.hidden_width:
        narrow = module.origin_head
        assert isinstance(narrow, nn.Sequential)
        first, last = narrow[1], narrow[-1]
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        width = settings.hidden_width
        module.origin_head = nn.Sequential(
            *(nn.Dropout(DROPOUT), nn.Linear(first.in_features, width), nn.ReLU()),
            *(nn.Dropout(DROPOUT), nn.Linear(width, width), nn.ReLU()),
            nn.Linear(width, last.out_features),
        )
    return module


def classifier_numbers(beats: Beats) -> int:
    """How many numbers the suite's classifier has to average, for inputs made of these beats."""
    classifier = model_of(Settings(), *input_shape(beats))
    return FlatModel(classifier, torch.device("cpu")).vector.numel()
