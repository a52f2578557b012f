"""The classifier with more to communicate."""

import pytest
import torch

from crossscale_data.classifier import build_model, parameter_count
from crossscale_data.rr_context import TIMING_FEATURES
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.models import model_of

CHANNELS, FEATURES = 4, TIMING_FEATURES + 3


def test_without_a_width_it_is_the_suites_classifier_to_the_bit() -> None:
    torch.manual_seed(3)
    expected = build_model("beatnet", CHANNELS, FEATURES).state_dict()
    torch.manual_seed(3)
    found = model_of(Settings(), CHANNELS, FEATURES).state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("width", [1, 300])
def test_a_width_adds_so_many_parameters_and_every_one_is_trained(width: int) -> None:
    narrow, wide = (model_of(Settings(hidden_width=w), CHANNELS, FEATURES) for w in (0, width))
    head = sum(p.numel() for p in narrow.origin_head.parameters())
    own = (80 + 1) * width + (width + 1) * width + (width + 1) * 4
    assert parameter_count(wide) - parameter_count(narrow) == own - head
    wide(torch.randn(64, CHANNELS, 40), torch.randn(64, FEATURES)).square().sum().backward()
    assert all(p.grad is not None for p in wide.parameters())


def test_the_stated_width_makes_ten_million_parameters() -> None:
    wide = model_of(Settings(hidden_width=3100), CHANNELS, FEATURES)
    assert parameter_count(wide) == pytest.approx(10e6, rel=0.02)
