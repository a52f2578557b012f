"""Client-level differential privacy: what the model tells of whether a client took part at all.

McMahan et al. 2018 (ICLR), DP-FedAvg: each client's change is clipped to a norm C, so that no
client can move the sum by more than C; Gaussian noise of deviation z * C is added to the sum, and
all is divided by the number of clients expected in a round. That number is fixed beforehand: the
count of those who came would itself tell. Clients weigh the same, whatever their beats: a weight by
data is data.

What is accounted for: neighbouring federations differ by one client, added or taken away; each
client takes part in a round independently with probability q (q = 1: all always). Where a round
takes exactly m of n clients, q = m / n is an approximation and no bound.

What is not: noise is drawn in floating point (Mironov 2012 shows what its last bits tell), from
torch's generator, which is made for simulation and not for secrecy. Whoever knows the seed can take
the noise away again: publish no model of a seeded run as private.
"""

import secrets
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from typing_extensions import Doc

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.privacy_extra import require_privacy_extra

# So much smaller that rounding to float32 cannot bring the norm above the bound again.
_SAFE = 1.0 - 2.0**-22


@dataclass(frozen=True, kw_only=True)
class ClientPrivacy:
    """The mechanism's numbers; they are the same in every round."""

    clip_norm: Annotated[float, Doc("C: largest L2 norm of a client's change.")] = 1.0
    noise_multiplier: Annotated[float, Doc("z: deviation of the sum's noise, in units of C.")] = 1.0
    target_delta: Annotated[float, Doc("δ of the (ε, δ) that is reported.")] = 1e-5

    def __post_init__(self) -> None:
        if not (self.clip_norm > 0 and self.noise_multiplier > 0 and 0 < self.target_delta < 1):
            raise UserError(
                "differential privacy needs a clip norm and a noise multiplier above 0 and a δ "
                f"between 0 and 1, not {self.clip_norm:g}, {self.noise_multiplier:g} and "
                f"{self.target_delta:g}"
            )

    def noise_std(self, clients: float) -> float:
        """Deviation of the noise on each number of the *mean* over so many expected clients."""
        return self.clip_norm * self.noise_multiplier / clients


def clip(delta: Tensor, clip_norm: float) -> Tensor:
    """The vector, float32 [n], scaled down to a norm of at most `clip_norm` if it is longer.

    Raises:
        UserError: a number is NaN or infinite: no scale would bound it.
    """
    wide = delta.double()
    norm = float(torch.dot(wide, wide)) ** 0.5
    if not norm < float("inf"):
        raise UserError("a change with NaN or infinite numbers cannot be clipped: leave it out")
    if norm <= clip_norm * _SAFE:
        return delta
    return wide.mul_(clip_norm * _SAFE / norm).float()


def private_mean(
    clipped_sum: Tensor, clients: float, privacy: ClientPrivacy, generator: torch.Generator
) -> Tensor:
    """The noisy mean, float32 [n], of clipped changes from their sum and the expected clients."""
    noise = torch.empty_like(clipped_sum).normal_(
        std=privacy.noise_std(clients), generator=generator
    )
    return noise.add_(clipped_sum, alpha=1.0 / clients)


def noise_generator(device: torch.device, seed: int | None = None) -> torch.Generator:
    """Of the operating system's entropy; a seed makes a run repeatable and its noise removable."""
    generator = torch.Generator(device=device)
    generator.manual_seed(secrets.randbits(63) if seed is None else seed)
    return generator


def epsilons(privacy: ClientPrivacy, sampling_rate: float, rounds: int) -> list[float]:
    """ε after each of the rounds, an upper bound by Rényi differential privacy (Mironov 2017).

    Opacus does the accounting: Rényi divergences of the subsampled Gaussian (Mironov, Talwar &
    Zhang 2019), turned into ε as in Balle et al. 2020.

    Raises:
        UserError: the sampling rate is not in (0, 1], or Opacus is not installed.
    """
    if not 0 < sampling_rate <= 1:
        raise UserError(f"a client's chance to take part must be in (0, 1], not {sampling_rate:g}")
    require_privacy_extra("opacus")
    from opacus.accountants import RDPAccountant  # takes a second to import
    from opacus.accountants.analysis import rdp

    orders = RDPAccountant.DEFAULT_ALPHAS
    of_one_round = rdp.compute_rdp(
        q=sampling_rate, noise_multiplier=privacy.noise_multiplier, steps=1, orders=orders
    )
    return [
        float(
            rdp.get_privacy_spent(
                orders=orders, rdp=of_one_round * (index + 1), delta=privacy.target_delta
            )[0]
        )
        for index in range(rounds)
    ]
