"""The top-k format: which numbers are sent, and that they are sent exactly."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.wire import decode_sum
from module3_mpi_gpu_overlap.wire_top_k import TopKCodec, largest_places


@settings(deadline=None)
@given(
    vector=hnp.arrays(np.float32, st.integers(0, 300), elements=st.floats(-5, 5, width=32)),
    share=st.floats(0.001, 1),
)
def test_the_k_largest_are_sent_exactly_and_the_rest_are_zero(
    vector: np.ndarray, share: float
) -> None:
    codec = TopKCodec(share)
    k = codec.kept(len(vector))
    assert k == min(len(vector), math.ceil(share * len(vector)))
    payload = torch.zeros(codec.payload_bytes(len(vector)), dtype=torch.uint8)
    assert len(payload) == 8 * k
    codec.encode(torch.from_numpy(vector), payload)
    decoded = decode_sum(codec, [payload], torch.empty(len(vector))).numpy()
    sent = np.flatnonzero(decoded)
    assert (decoded[sent] == vector[sent]).all()
    largest = np.sort(np.abs(vector))[len(vector) - k :]
    assert (np.sort(np.abs(decoded))[len(vector) - k :] == largest).all()


@pytest.mark.parametrize("k", [1, 300, 40_000])
@pytest.mark.parametrize("kind", ["normal", "sample misleads", "all equal"])
def test_long_vectors_have_their_k_largest_found_whatever_the_sample_says(
    k: int, kind: str
) -> None:
    magnitude = torch.rand(100_000, generator=torch.Generator().manual_seed(0))
    if kind == "sample misleads":
        magnitude[::64] += 10  # every number that is sampled is large
    if kind == "all equal":
        magnitude[:] = 1
    places = largest_places(magnitude, k)
    assert len(set(places.tolist())) == k
    found = magnitude[places].sort(descending=True).values
    assert torch.equal(found, magnitude.sort(descending=True).values[:k])


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(UserError, match="must be above 0 and at most 1"):
        TopKCodec(share)
