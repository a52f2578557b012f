"""Secure sums: exact, blind to single clients, and robust against as many drop-outs as allowed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cryptography")

from cryptography.exceptions import InvalidTag

from module3_mpi_gpu_overlap.fixed_point import FixedPoint, Words
from module3_mpi_gpu_overlap.secret_sharing import join_secret
from module3_mpi_gpu_overlap.secure_aggregation import (
    Client,
    PublicKeys,
    RevealedShares,
    SecureAggregationError,
    add_mask,
    default_threshold,
    unmask,
    upload_bytes,
)


def agree(
    clients: int, threshold: int
) -> tuple[list[Client], list[PublicKeys], list[dict[int, bytes]]]:
    """Steps 1 and 2: the clients, their keys, and each one's sealed messages by sender."""
    members = [Client(index, clients, threshold) for index in range(clients)]
    keys = [member.public_keys() for member in members]
    sent = [member.share_secrets(keys) for member in members]
    inboxes = [{by: sent[by][to] for by in range(clients) if by != to} for to in range(clients)]
    return members, keys, inboxes


def sum_of(vectors: list[Words], arrived: list[int], threshold: int) -> Words:
    """The whole protocol, where only some vectors arrive."""
    members, keys, inboxes = agree(len(vectors), threshold)
    masked = [m.mask(w, i) for m, w, i in zip(members, vectors, inboxes, strict=True)]
    total = np.zeros_like(vectors[0])
    for index in arrived:
        total += masked[index]
    revealed = {index: members[index].reveal(arrived) for index in arrived}
    return unmask(total, arrived, keys, revealed, threshold)


def words(clients: int, length: int, seed: int = 0) -> list[Words]:
    random = np.random.default_rng(seed)
    return list(random.integers(0, 2**32, (clients, length), dtype=np.uint32))


@settings(max_examples=20, deadline=None)
@given(data=st.data(), clients=st.integers(2, 7), length=st.integers(0, 50))
def test_the_sum_of_those_who_arrived_is_exact(
    data: st.DataObject, clients: int, length: int
) -> None:
    threshold = data.draw(st.integers(2, clients))
    order = data.draw(st.permutations(range(clients)))
    arrived = order[: data.draw(st.integers(threshold, clients))]
    vectors = words(clients, length)
    expected = np.zeros(length, np.uint32)
    for index in arrived:
        expected += vectors[index]
    assert sum_of(vectors, arrived, threshold).tolist() == expected.tolist()


def test_vectors_longer_than_a_tile_come_out_whole() -> None:
    vectors = words(3, (1 << 17) + 5)
    assert (sum_of(vectors, [0, 2], 2) == vectors[0] + vectors[2]).all()


def test_numbers_come_out_to_the_fixed_points_resolution() -> None:
    random = np.random.default_rng(1)
    encoding = FixedPoint(0.5, 4)
    numbers = random.uniform(-0.5, 0.5, (4, 1000)).astype(np.float32)
    found = sum_of([encoding.to_words(own) for own in numbers], [0, 1, 2, 3], 3)
    error = np.abs(found.view(np.int32) * encoding.resolution - numbers.sum(0, dtype=np.float64))
    assert error.max() <= 4 * encoding.resolution / 2 < 1e-8


@pytest.mark.parametrize("clients", [2, 3, 5, 10])
def test_as_many_may_drop_out_as_the_threshold_leaves_and_one_more_is_refused(clients: int) -> None:
    threshold = default_threshold(clients)
    vectors = words(clients, 9)
    left = list(range(clients))[-threshold:]
    expected = np.zeros(9, np.uint32)
    for index in left:
        expected += vectors[index]
    assert (sum_of(vectors, left, threshold) == expected).all()
    with pytest.raises(SecureAggregationError) as told:
        sum_of(vectors, left[1:], threshold)
    said = f"{threshold - 1} of {clients} clients are left and {threshold} are needed"
    assert said in str(told.value)


def test_a_server_with_too_few_answers_cannot_finish() -> None:
    members, keys, inboxes = agree(4, 3)
    vectors = words(4, 5)
    masked = [m.mask(w, i) for m, w, i in zip(members, vectors, inboxes, strict=True)]
    revealed = {index: members[index].reveal([0, 1, 2, 3]) for index in (0, 1)}
    with pytest.raises(SecureAggregationError, match="2 of 4 clients are left and 3 are needed"):
        unmask(sum(masked[1:], masked[0]), [0, 1, 2, 3], keys, revealed, 3)


def test_a_masked_vector_says_nothing_of_the_update() -> None:
    """Bits and values of the mask, not of the update: tests with a false alarm in 10^6 runs."""
    length = 100_000
    update = np.zeros(length, np.uint32)
    update[::2] = 1 << 20
    members, _, inboxes = agree(3, 2)
    masked = members[0].mask(update, inboxes[0])
    assert (masked != update).mean() > 0.999
    five_sigma = 4.9
    bits = np.unpackbits(masked.view(np.uint8))
    assert abs(bits.mean() - 0.5) < five_sigma * 0.5 / np.sqrt(bits.size)
    by_byte = np.bincount(masked.view(np.uint8), minlength=256)
    chi_squared = float(((by_byte - 4 * length / 256) ** 2 / (4 * length / 256)).sum())
    assert (
        abs(chi_squared - 255) < five_sigma * np.sqrt(2 * 255) * 1.3
    )  # its tail is a little longer
    correlation = np.corrcoef(masked.astype(float), update.astype(float))[0, 1]
    assert abs(correlation) < five_sigma / np.sqrt(length)
    # The same update under the masks of another sum has nothing in common with this one.
    members, _, inboxes = agree(3, 2)
    assert (members[0].mask(update, inboxes[0]) != masked).mean() > 0.999


def test_masks_of_all_but_one_other_client_do_not_unmask() -> None:
    """Even with every share that its answers hold, the server lacks what hides a single client."""
    members, _, inboxes = agree(3, 3)
    update = np.zeros(1000, np.uint32)
    masked, *_ = (m.mask(update, inbox) for m, inbox in zip(members, inboxes, strict=True))
    revealed = [member.reveal([0, 1, 2]) for member in members]
    assert all(not shares.masking_keys for shares in revealed)  # no pair key of who arrived
    seed_shares = {index: shares.own_seeds[0] for index, shares in enumerate(revealed)}
    add_mask(masked, join_secret(seed_shares), -1)
    assert (masked != update).mean() > 0.99  # the pair masks are still on it


@settings(max_examples=10, deadline=None)
@given(arrived=st.sets(st.integers(0, 4), min_size=3))
def test_nobody_tells_both_secrets_of_a_client(arrived: set[int]) -> None:
    members, _, inboxes = agree(5, 3)
    for member, inbox in zip(members, inboxes, strict=True):
        member.mask(np.zeros(1, np.uint32), inbox)
    for index in arrived:
        told: RevealedShares = members[index].reveal(arrived)
        assert set(told.own_seeds) == arrived
        assert set(told.masking_keys) == set(range(5)) - arrived


def test_a_client_answers_once() -> None:
    members, _, inboxes = agree(3, 2)
    members[1].mask(np.zeros(1, np.uint32), inboxes[1])
    members[1].reveal([0, 1, 2])
    with pytest.raises(SecureAggregationError, match="client 1 was asked twice"):
        members[1].reveal([0, 1])


def test_a_sealed_share_cannot_be_changed_or_read_by_another() -> None:
    members, _, inboxes = agree(3, 2)
    spoilt = {**inboxes[0], 1: inboxes[0][1][:-1] + bytes([inboxes[0][1][-1] ^ 1])}
    members[0].mask(np.zeros(1, np.uint32), spoilt)
    members[2].mask(np.zeros(1, np.uint32), {**inboxes[2], 1: inboxes[0][1]})
    for index in (0, 2):
        with pytest.raises(InvalidTag):
            members[index].reveal([0, 1, 2])


def test_masks_are_taken_off_as_they_were_put_on() -> None:
    numbers = words(1, 70_000)[0]
    changed = numbers.copy()
    add_mask(changed, bytes(32), 1)
    # RFC 8439, A.1: the key stream of a key and nonce of zeros.
    first = (changed[:4] - numbers[:4]).tobytes()
    assert first == bytes.fromhex("76b8e0ada0f13d90405d6ae55386bd28")
    add_mask(changed, bytes(32), -1)
    assert (changed == numbers).all()


def test_stated_upload_is_what_a_client_sends() -> None:
    members, keys, inboxes = agree(5, 4)
    masked = members[0].mask(np.zeros(321, np.uint32), inboxes[0])
    sealed = sum(len(inboxes[to][0]) for to in range(1, 5))
    told = members[0].reveal([0, 1, 2, 3])
    shares = sum(map(len, [*told.own_seeds.values(), *told.masking_keys.values()]))
    sent = len(keys[0].masking) + len(keys[0].sealing) + sealed + masked.nbytes + shares
    assert upload_bytes(321, 5) == sent


@pytest.mark.parametrize(("clients", "threshold"), [(1, 1), (1, 2), (3, 1), (3, 4)])
def test_a_sum_that_hides_nothing_is_refused(clients: int, threshold: int) -> None:
    with pytest.raises(SecureAggregationError, match="cannot add up in secret"):
        Client(0, clients, threshold)
