"""The cost formulas against sums made by hand, and what must hold for any network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from module3_mpi_gpu_overlap.collective_costs import (
    ALGORITHMS,
    Network,
    Wire,
    communication_share,
    hierarchical_s,
    mpich_s,
    rabenseifner_s,
    recursive_doubling_s,
    ring_s,
)

# On a made-up clock. A message one way costs 10 + n, one that crosses another 20 + 2 n.
TENS = Network(Wire(10.0, 1.0), Wire(20.0, 2.0), gamma_s=0.1)
WIRES = st.builds(Wire, st.floats(1e-7, 1e-1), st.floats(1e-11, 1e-6))
NETWORKS = st.builds(Network, WIRES, WIRES, st.floats(1e-11, 1e-9))
RANKS, BYTES = st.integers(1, 5000), st.integers(4, 10**8)


@pytest.mark.parametrize(
    ("cost", "ranks", "expected"),
    [
        (recursive_doubling_s, 1, 0.0),
        (recursive_doubling_s, 2, 20 + 200 + 10),
        (recursive_doubling_s, 4, 2 * (20 + 200 + 10)),
        (recursive_doubling_s, 5, 2 * (20 + 200 + 10) + (10 + 100 + 10) + (10 + 100)),
        (rabenseifner_s, 1, 0.0),
        (rabenseifner_s, 2, (20 + 100 + 5) + (20 + 100)),
        (rabenseifner_s, 4, (40 + 150 + 7.5) + (40 + 150)),
        (rabenseifner_s, 6, (40 + 150 + 7.5) + (40 + 150) + (10 + 100 + 10) + (10 + 100)),
        (ring_s, 1, 0.0),
        (ring_s, 4, 3 * (20 + 50 + 2.5) + 3 * (20 + 50)),
        (ring_s, 5, 4 * (20 + 40 + 2) + 4 * (20 + 40)),
    ],
)
def test_costs_of_100_bytes_are_those_counted_by_hand(cost, ranks, expected) -> None:  # type: ignore[no-untyped-def]
    assert cost(TENS, ranks, 100) == pytest.approx(expected)


def test_hierarchical_is_a_tree_in_the_node_and_mpichs_choice_between_leaders() -> None:
    inside = Network(Wire(1.0, 0.01), Wire(9.0, 9.0), 0.0)
    up_and_down = 2 * (1 + 1)
    assert hierarchical_s(TENS, inside, 4, 2, 100) == pytest.approx(
        up_and_down + rabenseifner_s(TENS, 4, 100)
    )
    assert hierarchical_s(TENS, inside, 1, 8, 100) == pytest.approx(3 * up_and_down)
    assert hierarchical_s(TENS, inside, 4, 1, 100) == mpich_s(TENS, 4, 100)


@pytest.mark.parametrize(
    ("ranks", "floats", "chosen"),
    [
        (4, 2, recursive_doubling_s),
        (8, 7, recursive_doubling_s),
        (8, 8, rabenseifner_s),
        (9, 8, rabenseifner_s),
        (4096, 4095, recursive_doubling_s),
        (2, 1_000_000, rabenseifner_s),
    ],
)
def test_mpich_doubles_for_few_numbers_and_splits_many(ranks, floats, chosen) -> None:  # type: ignore[no-untyped-def]
    assert mpich_s(TENS, ranks, 4 * floats) == chosen(TENS, ranks, 4 * floats)


def test_a_world_needs_a_rank() -> None:
    with pytest.raises(ValueError, match="at least one rank"):
        rabenseifner_s(TENS, 0, 4)


@given(NETWORKS, RANKS, BYTES, st.integers(1, 10**8))
def test_more_bytes_never_cost_less(network: Network, ranks: int, size: int, more: int) -> None:
    for name in ("recursive_doubling", "reduce_scatter_allgather", "ring"):
        cost = ALGORITHMS[name]
        assert cost(network, ranks, size) <= cost(network, ranks, size + more)


@given(NETWORKS, BYTES, st.integers(0, 11), st.integers(1, 11))
def test_a_greater_power_of_two_costs_more(
    network: Network, size: int, exponent: int, more: int
) -> None:
    for cost in ALGORITHMS.values():
        if cost is not mpich_s:  # it may go over to a cheaper algorithm
            assert cost(network, 2**exponent, size) < cost(network, 2 ** (exponent + more), size)


@given(NETWORKS, BYTES, st.integers(1, 11))
def test_one_rank_beyond_a_power_of_two_pays_two_more_messages(
    network: Network, size: int, exponent: int
) -> None:
    step_s = network.folded_s(size) + network.message.seconds(size)
    for cost in (recursive_doubling_s, rabenseifner_s):
        at, beyond = cost(network, 2**exponent, size), cost(network, 2**exponent + 1, size)
        assert beyond - at == pytest.approx(step_s)


@given(NETWORKS, BYTES, st.integers(1, 12))
def test_on_powers_of_two_rabenseifner_never_loses_to_the_ring(
    network: Network, size: int, exponent: int
) -> None:
    ranks = 2**exponent
    assert rabenseifner_s(network, ranks, size) <= ring_s(network, ranks, size) * (1 + 1e-9)


@given(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3))
def test_a_share_is_one_beside_the_others(communication_s: float, train_s: float) -> None:
    share = communication_share(communication_s, train_s)
    assert share + communication_share(train_s, communication_s) == pytest.approx(1)
