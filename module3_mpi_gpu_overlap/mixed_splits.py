"""Splits that mix patients, for comparison with the natural one: IID, and Dirichlet by class.

Both give beats of one patient to several clients, as no hospital would; every beat goes to exactly
one client.
"""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def iid_rows(beats: int, clients: int, seed: int) -> list[Rows]:
    """Random beats, as many for each client (or one more): sorted row numbers, int64."""
    order = np.random.default_rng([seed, clients]).permutation(beats)
    return [np.sort(rows) for rows in np.array_split(order, clients)]


def dirichlet_rows(
    label: npt.NDArray[np.uint8], clients: int, alpha: float, seed: int
) -> list[Rows]:
    """Each class cut into shares drawn from Dirichlet(alpha, ..., alpha) (Hsu et al. 2019).

    Args:
        label: class of each beat, uint8 [n].
        clients: how many clients there are; with a small alpha some may get nothing.
        alpha: concentration, above 0: towards 0 a class belongs to one client, towards infinity
            the split is IID.
        seed: seed of the shares and of which beats go where.

    Returns:
        Sorted row numbers of each client, int64.
    """
    random = np.random.default_rng([seed, clients])
    parts: list[list[Rows]] = [[] for _ in range(clients)]
    for name in np.unique(label):
        rows = random.permutation(np.flatnonzero(label == name))
        shares = random.dirichlet(np.full(clients, alpha))
        cuts = np.round(np.cumsum(shares)[:-1] * len(rows)).astype(np.int64)
        for part, own in zip(parts, np.split(rows, cuts), strict=True):
            part.append(own)
    return [np.sort(np.concatenate(part)) for part in parts]
