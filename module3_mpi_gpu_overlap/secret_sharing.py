"""Shamir's secret sharing: any `threshold` shares give the secret, fewer give nothing at all.

Shamir 1979: the secret is the value at 0 of a random polynomial of degree threshold - 1 over a
prime field, a share its value at another point. The prime is the Mersenne number 2^521 - 1, the
smallest one that holds a key of 32 bytes.
"""

import secrets
from collections.abc import Mapping
from functools import reduce

PRIME = (1 << 521) - 1
SECRET_BYTES = 32
SHARE_BYTES = 66  # 521 bits


def split_secret(secret: bytes, shares: int, threshold: int) -> list[bytes]:
    """Shares of a 32-byte secret, for the holders 0 to shares - 1.

    Raises:
        ValueError: not 32 bytes, or not 1 <= threshold <= shares.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"the secret has {len(secret)} bytes, not {SECRET_BYTES}")
    if not 1 <= threshold <= shares:
        raise ValueError(f"a threshold of {threshold} is not between 1 and {shares} shares")
    polynomial = [int.from_bytes(secret, "big")]
    polynomial += [secrets.randbelow(PRIME) for _ in range(threshold - 1)]
    return [
        _value(polynomial, _point(holder)).to_bytes(SHARE_BYTES, "big") for holder in range(shares)
    ]


def join_secret(shares: Mapping[int, bytes]) -> bytes:
    """The secret, from shares by holder; at least as many as the threshold it was split with.

    Raises:
        ValueError: the shares are too few, or not of one secret (nearly always found).
    """
    total = 0
    for holder, share in shares.items():
        # Lagrange's polynomial of this share's point, at 0.
        others = [_point(other) for other in shares if other != holder]
        above = reduce(lambda product, x: product * x % PRIME, others, 1)
        below = reduce(lambda product, x: product * (x - _point(holder)) % PRIME, others, 1)
        total += int.from_bytes(share, "big") * above * pow(below, -1, PRIME)
    secret = total % PRIME
    if secret >> (8 * SECRET_BYTES):
        raise ValueError("the shares do not belong to one secret, or are too few")
    return secret.to_bytes(SECRET_BYTES, "big")


def _point(holder: int) -> int:
    return holder + 1  # the secret itself lies at 0


def _value(polynomial: list[int], x: int) -> int:
    return reduce(
        lambda value, coefficient: (value * x + coefficient) % PRIME, reversed(polynomial), 0
    )
