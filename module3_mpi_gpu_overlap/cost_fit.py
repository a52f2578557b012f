"""alpha, beta and gamma from measured times: messages, sums, and worlds of one and two ranks only.

Every formula of `collective_costs` is linear in alpha, beta and gamma. Residuals are those of the
logarithm, so that a short message weighs as much as a long one, under a soft-L1 loss, so that a
sample that was held up weighs little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.collective_costs import ALGORITHMS, Network, Wire

Floats = npt.NDArray[np.float64]
LARGEST_FITTED_WORLD = 2
NOISE = 0.05  # residuals beyond 5 % are taken for outliers more and more
STARTING_ALPHAS_S = tuple(np.logspace(-7, 0, 15))
STARTING_BETAS_S = tuple(np.logspace(-12, -5, 15))


@dataclass(frozen=True)
class Sample:
    """One measured time that a wire is fitted to."""

    message_bytes: int
    elapsed_s: float
    algorithm: str | None = None  # of an Allreduce of two ranks; None: one message


def fit_network(messages: Sequence[Sample], pairs: Sequence[Sample], gamma_s: float) -> Network:
    """The network whose predictions are nearest to single messages and to worlds of two.

    Args:
        messages: half round trips of a ping-pong; none where it was not run, and a message then
            counts as half of an exchange.
        pairs: Allreduce of two ranks, by algorithms that are named in `ALGORITHMS`.
        gamma_s: seconds for each byte that is added, from `fit_gamma`.

    Raises:
        UserError: fewer than two sizes, or a time that is not positive.
    """
    exchange = _fit_wire(pairs, gamma_s)
    return Network(_fit_wire(messages, gamma_s) if messages else exchange, exchange, gamma_s)


def fit_gamma(message_bytes: Sequence[int], elapsed_s: Sequence[float]) -> float:
    """Seconds for each byte that is added: the slope of time over bytes, by the median.

    Theil's estimator (1950): the median slope over all pairs of unequal sizes; never negative.

    Raises:
        UserError: fewer than two sizes.
    """
    sizes, times = np.array(message_bytes, float), _positive(elapsed_s)
    first, second = np.triu_indices(len(sizes), 1)
    unequal = sizes[first] != sizes[second]
    if not unequal.any():
        raise UserError("gamma needs sums of two sizes at least: run the link sweep")
    first, second = first[unequal], second[unequal]
    slopes = (times[second] - times[first]) / (sizes[second] - sizes[first])
    return max(0.0, float(np.median(slopes)))


def _fit_wire(samples: Sequence[Sample], gamma_s: float) -> Wire:
    if len({sample.message_bytes for sample in samples}) < 2:
        raise UserError("alpha and beta need messages of two sizes at least: run the link sweep")
    measured = _positive([sample.elapsed_s for sample in samples])
    parts = np.array([[_cost(sample, unit) for unit in _UNITS] for sample in samples])

    def residuals(logarithms: Floats) -> Floats:
        predicted: Floats = parts @ np.array([*np.exp(logarithms), gamma_s])
        return np.log(predicted / measured)

    # The loss has more than one minimum: the search starts at the best point of a grid.
    starts = (np.log([alpha, beta]) for alpha in STARTING_ALPHAS_S for beta in STARTING_BETAS_S)
    start = min(starts, key=lambda point: float(np.abs(residuals(point)).sum()))
    alpha_s, beta_s = np.exp(least_squares(residuals, start, loss="soft_l1", f_scale=NOISE).x)
    return Wire(float(alpha_s), float(beta_s))


_NOTHING = Wire(0.0, 0.0)
# A cost is linear: its coefficients are the costs on networks where one thing costs 1.
_UNITS = (
    *(Network(wire, wire, 0.0) for wire in (Wire(1.0, 0.0), Wire(0.0, 1.0))),
    Network(_NOTHING, _NOTHING, 1.0),
)


def _cost(sample: Sample, network: Network) -> float:
    if sample.algorithm is None:
        return network.message.seconds(sample.message_bytes)
    return ALGORITHMS[sample.algorithm](network, LARGEST_FITTED_WORLD, sample.message_bytes)


def _positive(seconds: Sequence[float]) -> Floats:
    times = np.array(seconds, float)
    if len(times) == 0 or not (np.isfinite(times).all() and (times > 0).all()):
        raise UserError("a cost model needs times that are positive numbers")
    return times
