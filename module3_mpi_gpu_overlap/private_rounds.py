"""Client-level differential privacy in a federation's rounds: `--clip-norm`, `--noise-multiplier`.

Each client's change of the round is clipped before it is added up, all clients weigh the same, and
every rank adds the same noise to the average: the trusted server's noise of `differential_privacy`,
which says what is accounted for. A client that sends nothing usable has not changed the model.
Batch normalisation's variances become at least the noise's deviation: below it they say nothing,
and below zero the model would. What is made of a noisy mean costs no privacy.
The noise is drawn from the run's seed, so that a run can be repeated and resumed: whoever knows the
seed can take it away again.
"""

from collections.abc import Sequence

from torch import Tensor

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.client_training import random_seed
from module3_mpi_gpu_overlap.config import Settings
from module3_mpi_gpu_overlap.differential_privacy import (
    ClientPrivacy,
    clip,
    epsilons,
    noise_generator,
    private_mean,
)
from module3_mpi_gpu_overlap.ladder import LADDER

NOISE = 20_170  # tells the noise's random numbers from those of a client


class PrivateRounds:
    """Clips, weighs and adds noise; the same on every rank."""

    def __init__(self, privacy: ClientPrivacy, seed: int, variances: Sequence[slice] = ()) -> None:
        """`seed` is the run's; `variances` are where a model has them."""
        self._privacy, self._seed, self._variances = privacy, seed, variances

    def clipped(self, model: Tensor, start: Tensor) -> Tensor:
        """What is added up of a model, float32 [n]: its change since the round began, clipped.

        Not a model again: its rounding would be of the model's size, and not of the change's.
        """
        return clip(model - start, self._privacy.clip_norm)

    def shares(self, sampled: Sequence[int]) -> dict[int, float]:
        """Each client's weight: a weight by beats would tell of them."""
        return dict.fromkeys(sampled, 1 / len(sampled))

    def finish(self, average: Tensor, start: Tensor, of: int, index: int) -> None:
        """Make of the sum of the usable clients' clipped changes the round's model, in place.

        Args:
            average: sum over the usable clients of 1 / `of` times their change, float32 [n].
            start: what they began with, float32 [n].
            of: how many were drawn.
            index: the round.
        """
        generator = noise_generator(average.device, random_seed(self._seed, NOISE, index))
        average.copy_(start + private_mean(average * of, of, self._privacy, generator))
        for variance in self._variances:
            average[variance].clamp_(min=self._privacy.noise_std(of))


def private_rounds(
    settings: Settings, seed: int, variances: Sequence[slice]
) -> PrivateRounds | None:
    """What was asked for, of models with `variances` there; None without differential privacy."""
    if not settings.clip_norm:
        return None
    return PrivateRounds(_privacy(settings), seed, variances)


def epsilon(settings: Settings, holding: int) -> tuple[float, float]:
    """ε and δ after all rounds, for clients that are drawn from so many that hold beats.

    Raises:
        UserError: Opacus is not installed.
    """
    privacy = _privacy(settings)
    rate = min(settings.clients_per_round or holding, holding) / holding
    return epsilons(privacy, rate, settings.rounds)[-1], privacy.target_delta


def check_privacy(settings: Settings) -> None:
    """Raise UserError for choices under which the stated privacy would not hold."""
    if not settings.clip_norm and not settings.noise_multiplier:
        return
    if not (settings.clip_norm > 0 and settings.noise_multiplier > 0):
        raise UserError("--clip-norm and --noise-multiplier must both be above 0, or both be 0")
    if LADDER[settings.mode].delayed:
        raise UserError(
            f"--clip-norm needs a mode without delay, not {settings.mode}: a change is clipped "
            "against the model that the round began with"
        )
    if settings.wire != "float32" or settings.exchange != "flat":
        raise UserError("--clip-norm is for a float32 wire and a flat exchange")
    if settings.screening_ratio:
        raise UserError(
            "--clip-norm needs --screening-ratio 0: who is left out must not depend on the others"
        )
    if settings.class_weights:
        raise UserError("--clip-norm needs --no-class-weights: counts of classes are data, too")


def _privacy(settings: Settings) -> ClientPrivacy:
    return ClientPrivacy(clip_norm=settings.clip_norm, noise_multiplier=settings.noise_multiplier)
