"""The classifiers: small, as described, and S told from N by timing alone."""

import pytest
import torch
from torch import nn

from crossscale_data.classifier import (
    HIDDEN_LEAD,
    MODELS,
    TinyECG,
    build_model,
    hide_a_lead,
    parameter_count,
)
from crossscale_data.classifier_inputs import WAVEFORM_CHANNELS
from crossscale_data.errors import DataError
from crossscale_data.labels import CLASSES
from crossscale_data.rr_context import CONTEXT_FEATURES, TIMING_FEATURES

N, S = CLASSES.index("N"), CLASSES.index("S")


def model_of(name: str) -> nn.Module:
    torch.manual_seed(0)
    return build_model(name, channels=WAVEFORM_CHANNELS, context_features=CONTEXT_FEATURES).eval()


@pytest.mark.parametrize("name", MODELS)
def test_it_gives_a_logit_a_class_and_is_small(name: str) -> None:
    model = model_of(name)
    logits = model(torch.randn(7, WAVEFORM_CHANNELS, 108), torch.randn(7, CONTEXT_FEATURES))
    assert logits.shape == (7, len(CLASSES))
    assert logits.isfinite().all()
    assert parameter_count(model) < 100_000


def test_tinyecg_is_the_papers_network() -> None:
    layers = [m for m in TinyECG().modules() if isinstance(m, nn.Conv1d | nn.Linear)]
    shapes = [tuple(layer.weight.shape) for layer in layers]
    assert shapes == [(16, 1, 7), (16, 16, 5), (5, 16)]
    assert TinyECG()(torch.randn(3, 1, 500)).shape == (3, 5)


def test_the_waveform_cannot_tell_s_from_n() -> None:
    model = model_of("beatnet")
    context = torch.randn(1, CONTEXT_FEATURES).expand(20, -1).clone()
    context[:, TIMING_FEATURES:] = torch.randn(20, CONTEXT_FEATURES - TIMING_FEATURES)
    logits = model(torch.randn(20, WAVEFORM_CHANNELS, 108), context)
    log_odds = logits[:, S] - logits[:, N]
    assert torch.allclose(log_odds, log_odds[:1].expand(20), atol=1e-5)
    assert logits[:, N].std() > 1e-3  # while it does tell other things


def test_n_and_s_share_what_the_beat_says_of_both() -> None:
    model = model_of("beatnet")
    waveform, context = torch.randn(9, WAVEFORM_CHANNELS, 108), torch.randn(9, CONTEXT_FEATURES)
    probability = model(waveform, context).softmax(dim=1)
    premature = torch.sigmoid(model.prematurity_head(context[:, :TIMING_FEATURES]))[:, 0]
    n_or_s = probability[:, N] + probability[:, S]
    torch.testing.assert_close(probability[:, S], n_or_s * premature)


def test_an_extremely_early_beat_gives_finite_gradients() -> None:
    model = model_of("beatnet")
    context = torch.full((4, CONTEXT_FEATURES), -1e3, requires_grad=True)
    logits = model(torch.randn(4, WAVEFORM_CHANNELS, 108), context)
    loss = nn.functional.cross_entropy(logits, torch.arange(4))
    loss.backward()
    assert loss.isfinite()
    assert context.grad is not None
    assert context.grad.isfinite().all()


def test_an_unknown_model_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="no model 'resnet'"):
        build_model("resnet", WAVEFORM_CHANNELS, CONTEXT_FEATURES)


def test_one_lead_at_most_is_hidden_and_each_as_often_as_said() -> None:
    torch.manual_seed(0)
    hidden = hide_a_lead(torch.ones(20_000, WAVEFORM_CHANNELS, 3)) == 0
    of_lead = hidden.reshape(20_000, 2, -1)
    assert torch.equal(of_lead.all(dim=2), of_lead.any(dim=2))  # a lead is hidden whole
    first, second = of_lead.all(dim=2).T
    assert not (first & second).any()
    for lead in (first, second):
        assert lead.float().mean().item() == pytest.approx(HIDDEN_LEAD, abs=0.02)


def test_no_lead_is_hidden_from_a_model_that_is_not_training() -> None:
    model = model_of("beatnet")
    waveform, context = torch.randn(50, WAVEFORM_CHANNELS, 108), torch.randn(50, CONTEXT_FEATURES)
    assert torch.equal(model(waveform, context), model(waveform, context))
