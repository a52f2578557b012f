"""Shamir's secret sharing: any `threshold` shares will do, and fewer will not."""

import secrets

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from module3_mpi_gpu_overlap.secret_sharing import (
    PRIME,
    SECRET_BYTES,
    SHARE_BYTES,
    join_secret,
    split_secret,
)


def test_the_field_is_one_and_holds_a_key() -> None:
    assert sympy.isprime(PRIME)
    assert PRIME > 1 << (8 * SECRET_BYTES)
    assert PRIME < 1 << (8 * SHARE_BYTES)


@settings(deadline=None)
@given(data=st.data(), shares=st.integers(1, 12), secret=st.binary(min_size=32, max_size=32))
def test_any_threshold_shares_give_the_secret(
    data: st.DataObject, shares: int, secret: bytes
) -> None:
    threshold = data.draw(st.integers(1, shares))
    told = split_secret(secret, shares, threshold)
    assert {len(share) for share in told} == {SHARE_BYTES}
    holders = data.draw(st.permutations(range(shares)))
    enough = holders[: data.draw(st.integers(threshold, shares))]
    assert join_secret({holder: told[holder] for holder in enough}) == secret


@settings(deadline=None)
@given(shares=st.integers(2, 8), secret=st.binary(min_size=32, max_size=32))
def test_one_share_fewer_gives_something_else(shares: int, secret: bytes) -> None:
    told = split_secret(secret, shares, shares)
    # 521 bits of nearly uniform noise are a 256-bit number once in 2^265 tries.
    with pytest.raises(ValueError, match="do not belong to one secret, or are too few"):
        join_secret(dict(enumerate(told[1:], start=1)))


def test_a_share_of_another_secret_is_found() -> None:
    told = [split_secret(secrets.token_bytes(32), 3, 3) for _ in range(2)]
    with pytest.raises(ValueError, match="do not belong to one secret"):
        join_secret({0: told[0][0], 1: told[0][1], 2: told[1][2]})


def test_shares_of_the_same_secret_differ_each_time() -> None:
    first, second = (split_secret(bytes(32), 3, 2) for _ in range(2))
    assert not set(first) & set(second)


@pytest.mark.parametrize(("length", "shares", "threshold"), [(31, 3, 2), (32, 3, 4), (32, 3, 0)])
def test_what_cannot_be_shared_is_refused(length: int, shares: int, threshold: int) -> None:
    with pytest.raises(ValueError, match=r"not 32$|is not between 1 and 3 shares"):
        split_secret(bytes(length), shares, threshold)
