"""Sums of clients' vectors of which nobody sees a single one (Bonawitz et al. 2017, CCS).

Every pair of clients agrees on a key (X25519) that stretches to a mask (ChaCha20) which one adds
and the other subtracts: in the sum they cancel. Each client adds a second mask of its own seed.
Both secrets are given to all clients as shares (Shamir), sealed for the receiver
(ChaCha20-Poly1305). At the end the server asks the clients that are left for shares: of the own
seed of those whose vector arrived, of the pair key of those whose did not, never of both. So the
sum of those who arrived comes out, even where others dropped out after the masks were agreed on.

The model is *honest but curious*: server and clients follow the protocol and try to learn from
what they see. Up to threshold - 1 clients that tell each other (or the server) everything learn no
more of the others than the sum of all the others. A server that lies about keys or about who
dropped out is not covered: that needs the paper's signatures and its round of consistency checks.

The four steps, with messages as values, so that any transport can carry them: see `secure_sum.py`
for MPI.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.fixed_point import Words
from module3_mpi_gpu_overlap.secret_sharing import (
    SECRET_BYTES,
    SHARE_BYTES,
    join_secret,
    split_secret,
)

PUBLIC_KEY_BYTES = 32
SEALED_BYTES = 2 * SHARE_BYTES + 16  # with the tag; the nonce is fixed, each key seals once
_TILE_WORDS = 1 << 16
_ZEROS = bytes(4 * _TILE_WORDS)
_NONCE = bytes(12)  # a key is used for one message only


class SecureAggregationError(UserError):
    """A secure sum that must not, or cannot, be finished."""


@dataclass(frozen=True)
class PublicKeys:
    """Step 1, from a client to all: one key to agree on masks, one to seal shares."""

    masking: bytes
    sealing: bytes


@dataclass(frozen=True)
class RevealedShares:
    """Step 4, from a client to the server: one share for each other client and itself."""

    own_seeds: Mapping[int, bytes]  # of clients whose vector arrived
    masking_keys: Mapping[int, bytes]  # of clients whose vector did not


def default_threshold(clients: int) -> int:
    """The paper's floor(2n / 3) + 1: nearly a third may drop out."""
    return 2 * clients // 3 + 1


def require_clients(clients: int, threshold: int) -> None:
    """Raise SecureAggregationError where a sum would hide nothing or could never come out."""
    if clients < 2 or not 2 <= threshold <= clients:
        raise SecureAggregationError(
            f"{clients} client(s) with a threshold of {threshold} cannot add up in secret: take "
            "two clients or more, and a threshold from 2 to their number"
        )


class Client:
    """One client's secrets in one secure sum; a new sum needs a new Client."""

    def __init__(self, index: int, clients: int, threshold: int) -> None:
        """`index` is from 0; all clients give the same number of clients and threshold.

        Raises:
            SecureAggregationError: fewer than two clients, or a threshold not from 2 to that.
        """
        require_clients(clients, threshold)
        self._index, self._clients, self._threshold = index, clients, threshold
        self._masking_key = X25519PrivateKey.generate()
        self._sealing_key = X25519PrivateKey.generate()
        self._own_seed = secrets.token_bytes(SECRET_BYTES)
        self._keys: list[PublicKeys] = []
        self._sealed_for_me: dict[int, bytes] = {}
        self._revealed = False

    def public_keys(self) -> PublicKeys:
        """Step 1: to be sent to all clients."""
        return PublicKeys(
            self._masking_key.public_key().public_bytes_raw(),
            self._sealing_key.public_key().public_bytes_raw(),
        )

    def share_secrets(self, keys: Iterable[PublicKeys]) -> dict[int, bytes]:
        """Step 2: a sealed message for each other client, by index; `keys` are of all clients."""
        self._keys = list(keys)
        halves = (
            split_secret(self._masking_key.private_bytes_raw(), self._clients, self._threshold),
            split_secret(self._own_seed, self._clients, self._threshold),
        )
        messages = [mask_share + seed_share for mask_share, seed_share in zip(*halves, strict=True)]
        self._sealed_for_me[self._index] = messages[self._index]
        return {
            other: ChaCha20Poly1305(self._seal_key(other, to_other=True)).encrypt(
                _NONCE, messages[other], None
            )
            for other in range(self._clients)
            if other != self._index
        }

    def mask(self, words: Words, sealed: Mapping[int, bytes]) -> Words:
        """Step 3: the masked vector, uint32 [n], to be sent to the server.

        Args:
            words: this client's numbers, uint32 [n]; unchanged.
            sealed: step 2's messages for this client, by sender: of every other client.
        """
        self._sealed_for_me.update(sealed)
        masked = words.copy()
        add_mask(masked, self._own_seed, 1)
        for other, keys in enumerate(self._keys):
            if other != self._index:
                seed = pair_seed(self._masking_key, keys.masking)
                add_mask(masked, seed, 1 if self._index < other else -1)
        return masked

    def reveal(self, arrived: Iterable[int]) -> RevealedShares:
        """Step 4: this client's shares, once the server has said whose vectors arrived.

        Raises:
            SecureAggregationError: too few arrived, or this is asked a second time: two answers
                could together unmask a single client.
        """
        there = frozenset(arrived)
        require_enough(len(there), self._clients, self._threshold)
        if self._revealed:
            raise SecureAggregationError(
                f"client {self._index} was asked twice for its shares: a second answer could "
                "unmask a single client, start a new sum"
            )
        self._revealed = True
        opened = {sender: self._open(sender) for sender in self._sealed_for_me}
        return RevealedShares(
            own_seeds={s: both[SHARE_BYTES:] for s, both in opened.items() if s in there},
            masking_keys={s: both[:SHARE_BYTES] for s, both in opened.items() if s not in there},
        )

    def _open(self, sender: int) -> bytes:
        message = self._sealed_for_me[sender]
        if sender == self._index:
            return message
        return ChaCha20Poly1305(self._seal_key(sender, to_other=False)).decrypt(
            _NONCE, message, None
        )

    def _seal_key(self, other: int, to_other: bool) -> bytes:
        sender, receiver = (self._index, other) if to_other else (other, self._index)
        key = self._sealing_key.exchange(
            X25519PublicKey.from_public_bytes(self._keys[other].sealing)
        )
        return _derived(key, f"seal {sender} {receiver}")


def unmask(
    total: Words,
    arrived: Iterable[int],
    keys: list[PublicKeys],
    revealed: Mapping[int, RevealedShares],
    threshold: int,
) -> Words:
    """The server's step: the sum of the words of the clients that arrived, uint32 [n].

    Args:
        total: sum modulo 2^32 of the masked vectors that arrived, uint32 [n]; unchanged.
        arrived: whose.
        keys: step 1's keys of all clients.
        revealed: step 4's shares, by the client that revealed them.
        threshold: how many shares a secret takes.

    Raises:
        SecureAggregationError: fewer clients than the threshold are left.
    """
    there = sorted(arrived)
    require_enough(min(len(there), len(revealed)), len(keys), threshold)
    tellers = sorted(revealed)[:threshold]
    total = total.copy()
    for client in there:
        shares = {teller: revealed[teller].own_seeds[client] for teller in tellers}
        add_mask(total, join_secret(shares), -1)
    for client in set(range(len(keys))) - set(there):
        shares = {teller: revealed[teller].masking_keys[client] for teller in tellers}
        lost_key = X25519PrivateKey.from_private_bytes(join_secret(shares))
        for other in there:
            # What `other` added to its vector for the sake of the one that dropped out.
            add_mask(total, pair_seed(lost_key, keys[other].masking), 1 if client < other else -1)
    return total


def upload_bytes(elements: int, clients: int) -> int:
    """Bytes that a client sends in the four steps; without secrecy it would be 4 * elements."""
    keys, sealed = 2 * PUBLIC_KEY_BYTES, (clients - 1) * SEALED_BYTES
    return keys + sealed + 4 * elements + clients * SHARE_BYTES


def require_enough(left: int, clients: int, threshold: int) -> None:
    """Raise SecureAggregationError unless as many clients are left as a secret takes shares."""
    if left < threshold:
        raise SecureAggregationError(
            f"{left} of {clients} clients are left and {threshold} are needed to unmask their sum: "
            "run the round again, with a lower threshold if so many are often missing"
        )


def add_mask(words: Words, seed: bytes, sign: int) -> None:
    """Add (sign 1) or subtract (-1) the seed's key stream, modulo 2^32, in place."""
    stream = Cipher(ChaCha20(seed, bytes(16)), mode=None).encryptor()
    tile = bytearray(4 * _TILE_WORDS)
    mask = np.frombuffer(tile, np.uint32)
    for start in range(0, len(words), _TILE_WORDS):
        piece = words[start : start + _TILE_WORDS]
        stream.update_into(memoryview(_ZEROS)[: 4 * len(piece)], tile)
        if sign > 0:
            np.add(piece, mask[: len(piece)], out=piece)
        else:
            np.subtract(piece, mask[: len(piece)], out=piece)


def pair_seed(own: X25519PrivateKey, other: bytes) -> bytes:
    """The seed that two clients have in common, the same from either side."""
    return _derived(own.exchange(X25519PublicKey.from_public_bytes(other)), "mask")


def _derived(secret: bytes, purpose: str) -> bytes:
    kdf = HKDF(SHA256(), SECRET_BYTES, salt=None, info=b"crossscale-ecg " + purpose.encode())
    return kdf.derive(secret)
