"""The classifiers that all three modules train.

`tinyecg` is the paper's; `beatnet` is the suite's default, which also sees RR intervals. A new one
is a module with the same `forward`, added to `build_model`.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from crossscale_data.classifier_inputs import CHANNELS_OF_LEAD
from crossscale_data.errors import DataError
from crossscale_data.labels import CLASSES
from crossscale_data.rr_context import TIMING_FEATURES

MODELS = ("beatnet", "tinyecg")
HIDDEN_LEAD = 0.3  # probability, of each lead


class TinyECG(nn.Module):
    """The paper's network: Conv(1→16, k7), ReLU, Conv(16→16, k5), ReLU, pool, linear.

    It sees one lead (the first channel) and no context; any length.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, kernel_size=7, padding=3),
            nn.ReLU(),
            nn.Conv1d(16, 16, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(16, len(CLASSES))

    def forward(self, waveform: Tensor, context: Tensor | None = None) -> Tensor:
        """Logits [B, 5] from waveforms [B, C, L]; the context is not looked at."""
        logits: Tensor = self.head(self.features(waveform[:, :1]))
        return logits


class BeatNet(nn.Module):
    """A small CNN over the beat's waveforms, joined by its RR context; S and N told by timing.

    Supraventricular ectopic beats are conducted as normal ones are: what sets them apart is when
    they come. So the waveform, with all of the context, decides between N-or-S, V, F and Q, and
    the timing features alone between N and S: the product of two probabilities. A network that
    may use the waveform for both learns the few S-rich patients' shapes by heart. While training
    one lead or the other is hidden now and then, so that neither is relied on alone.
    """

    def __init__(self, channels: int, context_features: int) -> None:
        super().__init__()
        self.waveform_branch = nn.Sequential(
            *_conv_block(channels, 24, kernel_width=7),
            nn.MaxPool1d(2),
            *_conv_block(24, 32, kernel_width=5),
            nn.MaxPool1d(2),
            *_conv_block(32, 48, kernel_width=5),
            nn.AdaptiveAvgPool1d(9),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(48 * 9, 48),
            nn.ReLU(),
        )
        self.context_branch = nn.Sequential(nn.Linear(context_features, 32), nn.ReLU())
        self.origin_head = nn.Sequential(
            nn.Dropout(0.3), nn.Linear(48 + 32, 48), nn.ReLU(), nn.Linear(48, 4)
        )
        self.prematurity_head = nn.Sequential(
            nn.Linear(TIMING_FEATURES, 32),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(32, 32),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(32, 1),
        )

    def forward(self, waveform: Tensor, context: Tensor) -> Tensor:
        """Logits [B, 5] from waveforms [B, channels, L] and contexts [B, context_features].

        The first TIMING_FEATURES of the context are the timing features.
        """
        if self.training:
            waveform = hide_a_lead(waveform)
        branches = (self.waveform_branch(waveform), self.context_branch(context))
        origin = self.origin_head(torch.cat(branches, dim=1))
        premature = self.prematurity_head(context[:, :TIMING_FEATURES])
        n_or_s, v_f_q = origin[:, :1], origin[:, 1:]
        n, s = n_or_s + logsigmoid(-premature), n_or_s + logsigmoid(premature)
        return torch.cat([n, s, v_f_q], dim=1)


def hide_a_lead(waveform: Tensor) -> Tensor:
    """The waveforms [B, channels, L] with one lead of some beats set to zero.

    Each lead is hidden with probability HIDDEN_LEAD; never both.
    """
    chance = torch.rand(len(waveform), 1, 1, device=waveform.device)
    first = torch.arange(waveform.shape[1], device=waveform.device) < CHANNELS_OF_LEAD
    hidden = torch.where(first[:, None], chance < HIDDEN_LEAD, chance > 1 - HIDDEN_LEAD)
    return waveform.masked_fill(hidden, 0.0)


def build_model(name: str, channels: int, context_features: int) -> nn.Module:
    """A fresh classifier; its weights are drawn from torch's global generator.

    Args:
        name: one of `MODELS`.
        channels: waveform channels of the inputs.
        context_features: length of the context vector.

    Raises:
        DataError: no such model.
    """
    if name == "tinyecg":
        return TinyECG()
    if name == "beatnet":
        return BeatNet(channels, context_features)
    raise DataError(f"there is no model {name!r}: choose one of {', '.join(MODELS)}")


def parameter_count(model: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _conv_block(inputs: int, outputs: int, kernel_width: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv1d(inputs, outputs, kernel_width, padding=kernel_width // 2)
    return convolution, nn.BatchNorm1d(outputs), nn.ReLU()
