"""The int8 format: half a step is all that a number may be off."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from module3_mpi_gpu_overlap.wire import TILE_ELEMENTS, WORD_BYTES, decode_sum
from module3_mpi_gpu_overlap.wire_int8 import BLOCK_ELEMENTS, Int8Codec

CODEC = Int8Codec()
NUMBERS = st.floats(-(2.0**120), 2.0**120, width=32) | st.floats(-1, 1, width=32)


def round_trip(vector: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    payload = torch.zeros(CODEC.payload_bytes(len(vector)), dtype=torch.uint8)
    CODEC.encode(vector, payload)
    return payload, decode_sum(CODEC, [payload], torch.empty(len(vector)))


def largest_step(payload: torch.Tensor, elements: int) -> float:
    """The coarsest step of a payload's blocks."""
    head = WORD_BYTES * -(-elements // BLOCK_ELEMENTS)
    return float(payload[:head].view(torch.float32).max())


@settings(deadline=None)
@given(hnp.arrays(np.float32, st.integers(0, 3 * BLOCK_ELEMENTS), elements=NUMBERS))
def test_no_number_is_off_by_more_than_half_its_blocks_step(vector: np.ndarray) -> None:
    _, decoded = round_trip(torch.from_numpy(vector))
    for start in range(0, len(vector), BLOCK_ELEMENTS):
        block = vector[start : start + BLOCK_ELEMENTS].astype(np.float64)
        off = np.abs(decoded.numpy()[start : start + BLOCK_ELEMENTS] - block)
        step = max(np.abs(block).max() / 127, float(np.finfo(np.float32).tiny))
        assert off.max() <= step * (0.5 + 1e-4)  # the quotient's own rounding: 127 * 2**-24


@pytest.mark.parametrize("length", [TILE_ELEMENTS, TILE_ELEMENTS + 1, 3 * TILE_ELEMENTS - 255])
def test_vectors_longer_than_a_tile_are_encoded_to_their_end(length: int) -> None:
    vector = torch.from_numpy(np.random.default_rng(0).standard_normal(length).astype(np.float32))
    payload, decoded = round_trip(vector)
    assert float((decoded - vector).abs().max()) <= 0.5001 * largest_step(payload, length)
    assert torch.equal(decoded[-3:].sign(), vector[-3:].sign())


@settings(deadline=None)
@given(seed=st.integers(0, 999), length=st.integers(1, 600))
def test_with_error_feedback_the_running_sum_is_right_to_a_step(seed: int, length: int) -> None:
    random = np.random.default_rng(seed)
    residual = torch.zeros(length)
    given_in, given_out, step = np.zeros(length), np.zeros(length), 0.0
    for _ in range(100):
        delta = random.standard_normal(length).astype(np.float32)
        given_in += delta
        residual += torch.from_numpy(delta)
        payload, decoded = round_trip(residual)
        residual -= decoded
        given_out += decoded.numpy()
        step = largest_step(payload, length)
    assert np.abs(given_in - given_out).max() <= step


def test_blocks_have_steps_of_their_own() -> None:
    vector = torch.cat([torch.full((BLOCK_ELEMENTS,), 1e6), torch.full((5,), 1e-6)])
    _, decoded = round_trip(vector)
    torch.testing.assert_close(decoded, vector)
