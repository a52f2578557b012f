"""Which clients take part in a round, and with what weight: the same on all ranks, unasked."""

from collections.abc import Sequence

import numpy as np

_DRAW = 0x5A  # keeps these random numbers apart from those of batches


def sampled_clients(
    beats: Sequence[int], per_round: int, seed: int, round_index: int
) -> tuple[int, ...]:
    """Clients of one round, ascending, drawn evenly and without replacement.

    A client without beats has nothing to train on and is never drawn.

    Args:
        beats: beats of each client.
        per_round: how many to draw; 0, or more than there are, takes all that hold beats.
        seed: seed of the run.
        round_index: round, from 0: each has its own draw, whatever rounds were run before.
    """
    holding = np.flatnonzero(np.asarray(beats) > 0)
    if not 0 < per_round < len(holding):
        return tuple(holding.tolist())
    random = np.random.default_rng([seed, _DRAW, round_index])
    return tuple(sorted(random.choice(holding, per_round, replace=False).tolist()))


def shares_of(beats: Sequence[int], sampled: Sequence[int]) -> dict[int, float]:
    """FedAvg's n_k / n of each sampled client, n over the sampled ones."""
    total = sum(beats[client] for client in sampled)
    return {client: beats[client] / total for client in sampled}
