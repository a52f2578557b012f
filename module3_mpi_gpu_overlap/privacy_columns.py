"""The table of what privacy costs."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import Doc

from crossscale_results.table import Table


@dataclass(frozen=True, kw_only=True)
class PrivacyKey:
    """One secure sum of so many clients' vectors."""

    clients_count: Annotated[int, Doc("Clients that agreed on masks.")]
    dropped_count: Annotated[int, Doc("Clients of these whose vector never arrived.")]
    threshold_count: Annotated[int, Doc("Clients that must be left.")]
    elements_count: Annotated[int, Doc("Numbers in each client's vector.")]
    sample_index: Annotated[int, Doc("Timed sum, from 0, in one process start.")]


@dataclass(frozen=True)
class PrivacyMeasurement:
    """One secure sum, its clients one after the other in one process; no network."""

    share_ms: Annotated[
        float, Doc("Keys, shares and their sealing: mean over the clients, for each of them.")
    ]
    mask_ms: Annotated[float, Doc("Fixed point and masks of one client, mean over the clients.")]
    reveal_ms: Annotated[float, Doc("Opening and telling shares, mean over the clients left.")]
    unmask_ms: Annotated[float, Doc("The server's part: secrets joined, masks taken off the sum.")]
    plain_sum_ms: Annotated[float, Doc("Adding up the same float32 vectors in the clear.")]
    clip_ms: Annotated[float, Doc("Clipping one client's vector to a norm.")]
    noise_ms: Annotated[float, Doc("Dividing the sum and adding Gaussian noise to it.")]
    upload_bytes: Annotated[int, Doc("What one client sends in the secure sum's four steps.")]
    plain_bytes: Annotated[int, Doc("What it would send in the clear: float32.")]
    error_ratio: Annotated[
        float,
        Doc("Largest error of the sum over what rounding to fixed point may cost: at most 1."),
    ]


PRIVACY = Table(
    "module3_privacy",
    "One secure sum with its parts' times, and differential privacy's beside it.",
    PrivacyKey,
    PrivacyMeasurement,
)
