"""What an Allreduce costs by the alpha-beta-gamma model, algorithm by algorithm.

A message of n bytes takes alpha + n beta from host to host (Hockney 1994), with an alpha and beta
of their own where two messages cross; adding n bytes to n others takes n gamma. In LogGP's terms
(Alexandrov et al. 1995) alpha is L + 2 o and beta is G; a ping-pong cannot tell L from o, and no
formula here needs it to. Formulas: Thakur, Rabenseifner & Gropp 2005, IJHPCA 19:49; a
world that is no power of two first folds its surplus ranks into others and tells them the result at
the end, as MPICH does.
"""

from dataclasses import dataclass

FLOAT_BYTES = 4
SHORTEST_SPLIT_BYTES = 8  # MPICH 5.0's table: up to here it always takes recursive doubling


@dataclass(frozen=True)
class Wire:
    """What a message costs."""

    alpha_s: float  # however short it is
    beta_s: float  # of each byte

    def seconds(self, sent_bytes: float) -> float:
        """One message of so many bytes."""
        return self.alpha_s + sent_bytes * self.beta_s


@dataclass(frozen=True)
class Network:
    """What messages and sums cost."""

    message: Wire  # one way, nothing coming back
    exchange: Wire  # two messages that cross: the acknowledgements of each queue behind the other
    gamma_s: float  # of each byte added to another

    def folded_s(self, sent_bytes: float) -> float:
        """A message whose numbers are added to the receiver's."""
        return self.message.seconds(sent_bytes) + sent_bytes * self.gamma_s

    def exchanged_s(self, sent_bytes: float) -> float:
        """Two messages that cross, each added to what its receiver has."""
        return self.exchange.seconds(sent_bytes) + sent_bytes * self.gamma_s


def recursive_doubling_s(network: Network, ranks: int, sent_bytes: float) -> float:
    """Everything to a partner at distance 1, 2, 4, ...; lg p messages."""
    power, surplus = _power_of_two(ranks)
    steps = power.bit_length() - 1
    return surplus * _unfold_s(network, sent_bytes) + steps * network.exchanged_s(sent_bytes)


def rabenseifner_s(network: Network, ranks: int, sent_bytes: float) -> float:
    """Reduce-scatter by recursive halving, then Allgather by recursive doubling."""
    power, surplus = _power_of_two(ranks)
    steps = power.bit_length() - 1
    moved = sent_bytes * (power - 1) / power
    wire = network.exchange
    both_ways_s = 2 * (steps * wire.alpha_s + moved * wire.beta_s)
    return surplus * _unfold_s(network, sent_bytes) + both_ways_s + moved * network.gamma_s


def ring_s(network: Network, ranks: int, sent_bytes: float) -> float:
    """Reduce-scatter and Allgather around a ring, in p - 1 steps each."""
    piece = sent_bytes / ranks
    return (ranks - 1) * (network.exchanged_s(piece) + network.exchange.seconds(piece))


def hierarchical_s(
    between: Network, inside: Network, nodes: int, ranks_per_node: int, sent_bytes: float
) -> float:
    """Inside each node a binomial tree to its leader, between leaders MPICH's choice, and back."""
    steps = (ranks_per_node - 1).bit_length()
    up_s, down_s = inside.folded_s(sent_bytes), inside.message.seconds(sent_bytes)
    return steps * (up_s + down_s) + mpich_s(between, nodes, sent_bytes)


def mpich_s(network: Network, ranks: int, sent_bytes: float) -> float:
    """What MPICH 5.0 chooses for a built-in sum, by its table of algorithms.

    Recursive doubling for up to 8 bytes, or fewer numbers than the greatest power of two in p;
    Rabenseifner's for all else.
    """
    few = sent_bytes / FLOAT_BYTES < _power_of_two(ranks)[0]
    chosen = recursive_doubling_s if few or sent_bytes <= SHORTEST_SPLIT_BYTES else rabenseifner_s
    return chosen(network, ranks, sent_bytes)


# By the names that MPICH has for them; `auto` is its own choice.
ALGORITHMS = {
    "auto": mpich_s,
    "recursive_doubling": recursive_doubling_s,
    "reduce_scatter_allgather": rabenseifner_s,
    "ring": ring_s,
}


def communication_share(communication_s: float, train_s: float) -> float:
    """Communication in a round of local training and blocking averaging, 0 to 1."""
    return communication_s / (communication_s + train_s)


def _power_of_two(ranks: int) -> tuple[int, bool]:
    """The greatest power of two in `ranks`, and whether ranks are left over."""
    if ranks < 1:
        raise ValueError(f"a world has at least one rank, not {ranks}")
    power = 1 << (ranks.bit_length() - 1)
    return power, power != ranks


def _unfold_s(network: Network, sent_bytes: float) -> float:
    """Surplus ranks: their numbers to a neighbour before, the sum back to them after."""
    return network.folded_s(sent_bytes) + network.message.seconds(sent_bytes)
