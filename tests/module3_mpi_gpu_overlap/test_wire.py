"""What every wire format keeps to, and the floating-point ones in particular."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from module3_mpi_gpu_overlap.wire import (
    Codec,
    FloatCodec,
    codec_of,
    decode_sum,
    is_finite,
    is_refused,
    refuse,
)

FORMATS = ("float32", "bf16", "fp16", "int8", "top-k")
VECTORS = hnp.arrays(
    np.float32, st.integers(0, 600), elements=st.floats(-(2.0**99), 2.0**99, width=32)
)


def sent(codec: Codec, vector: Tensor) -> tuple[Tensor, Tensor, int]:
    """The payload, what it decodes to, and how many numbers were out of range."""
    payload = torch.zeros(codec.payload_bytes(len(vector)), dtype=torch.uint8)
    saturated = codec.encode(vector, payload)
    return payload, decode_sum(codec, [payload], torch.empty(len(vector))), saturated


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)
@given(vector=VECTORS)
def test_payloads_are_whole_words_and_never_look_refused(name: str, vector: np.ndarray) -> None:
    before = torch.from_numpy(vector.copy())
    payload, decoded, _ = sent(codec_of(name), torch.from_numpy(vector))
    assert len(payload) % 4 == 0
    assert not is_refused(payload)
    assert is_finite(decoded)
    assert decoded.shape == vector.shape
    assert torch.equal(torch.from_numpy(vector), before)


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)
@given(
    vectors=st.lists(hnp.arrays(np.float32, 70, elements=st.floats(-9, 9, width=32)), min_size=1)
)
def test_a_sum_is_that_of_the_decoded_vectors_in_order(
    name: str, vectors: list[np.ndarray]
) -> None:
    codec = codec_of(name, 0.3)
    parts = [sent(codec, torch.from_numpy(vector)) for vector in vectors]
    total = decode_sum(codec, [payload for payload, _, _ in parts], torch.empty(70))
    expected = torch.zeros(70)
    for _, decoded, _ in parts:
        expected += decoded
    torch.testing.assert_close(total, expected, rtol=1e-6, atol=1e-5)
    again = decode_sum(codec, [payload for payload, _, _ in parts], torch.empty(70))
    assert again.numpy().tobytes() == total.numpy().tobytes()


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)
@given(seed=st.integers(0, 99), length=st.integers(1, 700), scale=st.sampled_from([1e-9, 1.0, 1e5]))
def test_with_error_feedback_what_was_sent_lags_by_no_more_than_the_residual(
    name: str, seed: int, length: int, scale: float
) -> None:
    codec = codec_of(name, 0.1)
    random = np.random.default_rng(seed)
    residual = torch.zeros(length)
    given_in, given_out = np.zeros(length), np.zeros(length)
    for _ in range(30):
        delta = scale * random.standard_normal(length)
        given_in += delta.astype(np.float32)
        residual += torch.from_numpy(delta.astype(np.float32))
        payload, decoded, _ = sent(codec, residual)
        codec.add_decoded(payload, residual, sign=-1.0)
        given_out += decoded.numpy()
    unaccounted = np.abs(given_in - given_out - residual.numpy()).max()
    assert unaccounted <= 1e-4 * scale


@pytest.mark.parametrize(("name", "largest"), [("fp16", 65504.0), ("bf16", 3.3895313892515355e38)])
def test_numbers_beyond_the_range_become_the_largest_and_are_counted(
    name: str, largest: float
) -> None:
    vector = torch.tensor([3.4e38, -3.4e38, 1.0, 0.0])
    _, decoded, saturated = sent(codec_of(name), vector)
    assert decoded.tolist() == [largest, -largest, 1.0, 0.0]
    assert saturated == 2
    assert sent(codec_of(name), torch.tensor([largest, -largest]))[2] == 0


@settings(deadline=None)
@given(hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(2**-14, 65504, width=32)))
def test_float16_is_right_to_half_a_unit_in_its_last_place(vector: np.ndarray) -> None:
    _, decoded, _ = sent(FloatCodec(torch.float16), torch.from_numpy(vector))
    assert (np.abs(decoded.numpy() - vector) <= vector * 2.0**-11).all()


def test_float32_is_sent_as_it_is() -> None:
    vector = torch.tensor([1e-45, -0.1, 3.4e38])
    assert torch.equal(sent(codec_of("float32"), vector)[1], vector)


def test_sizes_of_payloads() -> None:
    sizes = {name: codec_of(name, 0.01).payload_bytes(1_000_000) for name in FORMATS}
    assert sizes == {
        "float32": 4_000_000,
        "bf16": 2_000_000,
        "fp16": 2_000_000,
        "int8": 1_000_000 + 4 * 3907,  # a step for each 256: 3.94 times fewer than float32
        "top-k": 8 * 10_000,
    }


@pytest.mark.parametrize("name", FORMATS)
def test_a_refused_payload_is_known_as_one(name: str) -> None:
    payload, _, _ = sent(codec_of(name), torch.ones(3))
    refuse(payload)
    assert is_refused(payload)
    assert not is_refused(torch.zeros(0, dtype=torch.uint8))
