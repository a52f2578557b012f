"""Fits find the network that made-up times were made with, held-up samples notwithstanding."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.collective_costs import ALGORITHMS, Network, Wire
from module3_mpi_gpu_overlap.cost_fit import Sample, fit_gamma, fit_network

SIZES = tuple(4 * 10**k for k in range(1, 8))


def samples_of(
    network: Network, noise: float, held_up: int, seed: int
) -> tuple[list[Sample], list[Sample]]:
    """Messages and worlds of two, some of which took 20 times as long as they should."""
    random = np.random.default_rng(seed)

    def measured(costs: dict[str | None, Callable[[int], float]]) -> list[Sample]:
        samples = [
            Sample(size, float(cost(size) * np.exp(noise * random.normal())), name)
            for size in SIZES * 15
            for name, cost in costs.items()
        ]
        for at in random.choice(len(samples), held_up, replace=False):
            samples[at] = replace(samples[at], elapsed_s=20 * samples[at].elapsed_s)
        return samples

    pairs = {name: partial(cost, network, 2) for name, cost in ALGORITHMS.items()}
    return measured({None: network.message.seconds}), measured({**pairs})


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-6, 1e-2), st.floats(1e-10, 1e-6), st.floats(1, 2), st.integers(0, 1000))
def test_both_wires_are_found_in_noise_with_held_up_samples(
    alpha_s: float, beta_s: float, crossing: float, seed: int
) -> None:
    true = Network(Wire(alpha_s, beta_s), Wire(crossing * alpha_s, crossing * beta_s), 1e-10)
    found = fit_network(*samples_of(true, noise=0.03, held_up=3, seed=seed), 1e-10)
    for size in (SIZES[0], SIZES[-1]):  # at either end one of the two is all that matters
        assert found.message.seconds(size) == pytest.approx(true.message.seconds(size), rel=0.05)
        assert found.exchange.seconds(size) == pytest.approx(true.exchange.seconds(size), rel=0.05)


def test_without_noise_the_network_itself_is_found() -> None:
    true = Network(Wire(5e-5, 8e-8), Wire(7e-5, 9e-8), 2e-10)
    found = fit_network(*samples_of(true, noise=0, held_up=0, seed=0), 2e-10)
    for wire, expected in ((found.message, true.message), (found.exchange, true.exchange)):
        assert wire.alpha_s == pytest.approx(expected.alpha_s, rel=1e-3)
        assert wire.beta_s == pytest.approx(expected.beta_s, rel=1e-3)


def test_without_ping_pong_a_message_counts_as_one_that_crosses() -> None:
    true = Network(Wire(5e-5, 8e-8), Wire(7e-5, 9e-8), 2e-10)
    found = fit_network([], samples_of(true, noise=0, held_up=0, seed=0)[1], 2e-10)
    assert found.message == found.exchange


def test_gamma_is_the_slope_whatever_the_call_costs_and_one_sample_says() -> None:
    sizes = list(SIZES)
    seconds = [1e-6 + 3e-10 * size for size in sizes]
    seconds[3] *= 50
    assert fit_gamma(sizes, seconds) == pytest.approx(3e-10, rel=0.01)


def test_what_cannot_be_fitted_is_said() -> None:
    with pytest.raises(UserError, match="two sizes at least"):
        fit_network([], [Sample(4, 1e-3, "ring"), Sample(4, 2e-3, "ring")], 0.0)
    with pytest.raises(UserError, match="positive"):
        fit_network([], [Sample(4, 1e-3, "ring"), Sample(8, 0.0, "ring")], 0.0)
    with pytest.raises(UserError, match="two sizes at least"):
        fit_gamma([4, 4], [1.0, 2.0])
