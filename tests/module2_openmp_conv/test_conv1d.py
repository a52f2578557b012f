"""`conv1d` against float64 and against torch, at every instruction set this machine has."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import conv1d as torch_conv1d

from module2_openmp_conv import conv1d, supported_isas, use_isa

pytestmark = pytest.mark.kernels

ISAS = supported_isas()
INF, NAN = math.inf, math.nan
# Around the tile widths of all instruction sets, and of the paper's windows.
LENGTHS = st.sampled_from([1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 24, 25, 47, 48, 49, 129, 499, 500])


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@st.composite
def convolutions(draw: st.DrawFn) -> dict:
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    stride = draw(st.sampled_from([1, 1, 1, 2, 3]))
    dilation = draw(st.sampled_from([1, 1, 1, 2, 4, 5]))
    length = draw(LENGTHS)
    kernel = draw(st.one_of(st.sampled_from([1, 2, 3, 4, 5, 7, 15]), st.integers(1, 64)))
    shortage = max(0, dilation * (kernel - 1) + 1 - length)
    least = -(-shortage // 2)
    paddings = [st.integers(least, least + 10)]
    if stride == 1:
        paddings.append(st.just("same"))
    if shortage == 0:
        paddings.append(st.just("valid"))
    return {
        "input": (draw(st.integers(1, 3)), groups * draw(st.integers(1, 5)), length),
        "out_channels": groups * draw(st.integers(1, 19)),
        "kernel": kernel,
        "bias": draw(st.booleans()),
        "relu": draw(st.booleans()),
        "seed": draw(st.integers(0, 1000)),
        "arguments": {
            "stride": stride,
            "padding": draw(st.one_of(paddings)),
            "dilation": dilation,
            "groups": groups,
        },
    }


def assert_as_exact_as_float32(
    out: Tensor, input: Tensor, weight: Tensor, bias: Tensor | None, relu: bool, arguments: dict
) -> None:
    """Off by at most torch's own float32 error and the rounding bound of a sum in any order."""
    b64 = None if bias is None else bias.double()
    exact = torch_conv1d(input.double(), weight.double(), b64, **arguments)
    torchs_error = (torch_conv1d(input, weight, bias, **arguments).double() - exact).abs().max()
    size = torch_conv1d(
        input.double().abs(), weight.double().abs(), None if b64 is None else b64.abs(), **arguments
    )
    terms = weight[0].numel() + 2
    if relu:
        exact = exact.relu()
    assert out.shape == exact.shape
    error = (out.double() - exact).abs()
    assert (error <= terms * 2.0**-24 * 1.001 * size).all()
    # Typical rounding grows with the root of the terms; torch's own error is of that size.
    assert error.max() <= 4 * torchs_error + 4 * math.sqrt(terms) * 2.0**-24 * size.max()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("isa", ISAS)
@settings(max_examples=150, deadline=None)
@given(case=convolutions())
def test_equals_float64_reference(isa: str, case: dict) -> None:
    input = randn(*case["input"], seed=case["seed"])
    in_channels = input.shape[1] // case["arguments"]["groups"]
    weight = randn(case["out_channels"], in_channels, case["kernel"], seed=case["seed"] + 1)
    bias = randn(case["out_channels"], seed=case["seed"] + 2) if case["bias"] else None
    with use_isa(isa):
        out = conv1d(input, weight, bias, relu=case["relu"], **case["arguments"])
    assert_as_exact_as_float32(out, input, weight, bias, case["relu"], case["arguments"])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("padding", [0, 1, 3, 7, 100])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 15, 64])
def test_every_tile_remainder_and_padding(isa: str, kernel: int, padding: int) -> None:
    weight, bias = randn(15, 3, kernel, seed=1), randn(15, seed=2)
    with use_isa(isa):
        for length in (*range(max(1, kernel - 2 * padding), 140, 7), 767, 768, 769, 1600):
            if length + 2 * padding < kernel:
                continue
            input = randn(2, 3, length)
            out = conv1d(input, weight, bias, padding=padding)
            assert_as_exact_as_float32(out, input, weight, bias, False, {"padding": padding})


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("at", [0, 3, 20, 47, 48, 98, 99])
def test_a_bad_sample_reaches_only_the_outputs_that_see_it(isa: str, bad: float, at: int) -> None:
    input, weight = randn(2, 2, 100), randn(9, 2, 5, seed=1)
    clean = conv1d(input, weight, padding=2)
    input[1, 0, at] = bad
    with use_isa(isa):
        out = conv1d(input, weight, padding=2)
    seen = torch.zeros(100, dtype=torch.bool)
    seen[max(0, at - 2) : at + 3] = True
    assert not out[1, :, seen].isfinite().any()
    torch.testing.assert_close(out[..., ~seen], clean[..., ~seen])
    torch.testing.assert_close(out[0], clean[0])
    torch.testing.assert_close(
        out, torch_conv1d(input, weight, padding=2), equal_nan=True, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("stride", [1, 2])
def test_an_infinite_tap_on_padding_adds_nothing(isa: str, stride: int) -> None:
    input, weight = randn(1, 2, 40).abs() + 1, torch.ones(3, 2, 3)
    weight[:, :, 0] = INF
    with use_isa(isa):
        out = conv1d(input, weight, padding=1, stride=stride)
    assert out[..., 0].isfinite().all()
    assert (out[..., 1:] == INF).all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("stride", [1, 2])
def test_relu_keeps_nan(isa: str, stride: int) -> None:
    input = randn(1, 1, 50)
    input[0, 0, 10] = NAN
    with use_isa(isa):
        out = conv1d(input, torch.ones(1, 1, 1), relu=True, stride=stride)
    torch.testing.assert_close(out, input[..., ::stride].relu(), equal_nan=True)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("stride", [1, 2])
def test_bits_do_not_depend_on_threads(isa: str, stride: int) -> None:
    input, weight, bias = randn(5, 3, 2000), randn(11, 3, 7, seed=1), randn(11, seed=2)
    before = torch.get_num_threads()
    outs = []
    try:
        with use_isa(isa):
            for threads in (1, 2, 4):
                torch.set_num_threads(threads)
                outs.append(conv1d(input, weight, bias, padding=3, stride=stride))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(outs[0], outs[1])
    assert torch.equal(outs[0], outs[2])


def test_unbatched_input_and_sequences_as_arguments() -> None:
    input, weight = randn(4, 60), randn(6, 4, 3, seed=1)
    out = conv1d(input, weight, stride=(1,), padding=[2], dilation=(2,))
    torch.testing.assert_close(out, torch_conv1d(input, weight, padding=2, dilation=2))


def test_views_are_made_contiguous() -> None:
    input, weight = randn(60, 4, 3).permute(2, 1, 0), randn(3, 4, 6).permute(2, 1, 0)
    torch.testing.assert_close(conv1d(input, weight), torch_conv1d(input, weight))
    every_other = randn(2, 4, 120)[..., ::2]
    torch.testing.assert_close(conv1d(every_other, weight), torch_conv1d(every_other, weight))
    conjugate = torch.randn(2, 4, 60, dtype=torch.complex64).conj().imag  # stored negated
    torch.testing.assert_close(conv1d(conjugate, weight), torch_conv1d(conjugate, weight))


def test_empty_batch() -> None:
    out = conv1d(randn(0, 3, 50), randn(4, 3, 5), padding=2)
    assert out.shape == (0, 4, 50)


def test_out_is_written_and_returned() -> None:
    input, weight = randn(3, 2, 50), randn(4, 2, 5, seed=1)
    out = torch.full((3, 4, 46), NAN)
    version = out._version
    assert conv1d(input, weight, out=out) is out
    torch.testing.assert_close(out, torch_conv1d(input, weight))
    assert out._version == version + 1
    single = torch.full((4, 46), NAN)
    assert conv1d(input[0], weight, out=single) is single
    torch.testing.assert_close(single, out[0])


def test_out_in_inference_mode() -> None:
    with torch.inference_mode():
        input, weight, out = randn(3, 2, 50), randn(4, 2, 5), torch.empty(3, 4, 46)
        conv1d(input, weight, out=out)
        torch.testing.assert_close(out, torch_conv1d(input, weight))
    conv1d(input.clone(), weight.clone(), out=out)  # written outside of it, too


def test_autograd_sees_an_out_that_inference_mode_writes() -> None:
    out, factor = randn(3, 4, 46), randn(3, 4, 46).requires_grad_()
    product = (out * factor).sum()
    version = out._version
    with torch.inference_mode():
        conv1d(randn(3, 2, 50), randn(4, 2, 5), out=out)
    assert out._version == version + 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (torch.empty(3, 4, 47), "shape"),
        (torch.empty(1, 4, 46), "shape"),
        (torch.empty(3, 46, 4).transpose(1, 2), "contiguous"),
        (torch.empty(1, 4, 46).expand(3, 4, 46), "contiguous"),
    ],
)
def test_out_that_cannot_be_written_is_refused(out: Tensor, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        conv1d(randn(3, 2, 50), randn(4, 2, 5), out=out)


@pytest.mark.parametrize(("input", "out"), [((2, 50), (1, 4, 46)), ((1, 2, 50), (4, 46))])
def test_out_is_batched_as_the_input_is(input: tuple, out: tuple) -> None:
    with pytest.raises(RuntimeError, match="shape"):
        conv1d(randn(*input), randn(4, 2, 5), out=torch.empty(out))


def test_out_over_the_input_is_refused() -> None:
    memory = randn(1000)
    with pytest.raises(RuntimeError, match="shares memory"):
        conv1d(memory[:100].view(1, 1, 100), randn(1, 1, 1), out=memory[50:150].view(1, 1, 100))
    conv1d(memory[:100].view(1, 1, 100), randn(1, 1, 1), out=memory[100:200].view(1, 1, 100))


def test_out_with_gradient_is_refused() -> None:
    weight = randn(4, 2, 5).requires_grad_()
    with pytest.raises(RuntimeError, match="requires grad"):
        conv1d(randn(3, 2, 50), weight, out=torch.empty(3, 4, 46))


@pytest.mark.parametrize(
    "shapes_and_arguments",
    [
        ((2, 3, 4), (5, 3, 9), None, {}),  # kernel longer than the input
        ((2, 3, 4), (5, 3, 9), None, {"padding": 2}),
        ((0, 3, 4), (5, 3, 9), None, {}),
        ((2, 4, 10), (5, 3, 3), None, {}),  # channels
        ((2, 4, 10), (5, 2, 3), None, {"groups": 2}),
        ((2, 4, 10), (5, 2, 3), None, {"groups": 0}),
        ((10,), (5, 4, 3), None, {}),
        ((1, 2, 4, 10), (5, 4, 3), None, {}),
        ((2, 3, 0), (5, 3, 3), None, {"padding": 2}),
        ((2, 4, 10), (5, 4, 3), (4,), {}),  # bias
        ((2, 4, 10), (5, 4, 3), (5, 1), {}),
        ((2, 4, 10), (5, 4, 3), None, {"stride": 0}),
        ((2, 4, 10), (5, 4, 3), None, {"stride": -1}),
        ((2, 4, 10), (5, 4, 3), None, {"dilation": 0}),
        ((2, 4, 10), (5, 4, 3), None, {"padding": -1}),
        ((2, 4, 10), (5, 4, 3), None, {"padding": (1, 2, 3)}),
        ((2, 4, 10), (5, 4, 3), None, {"padding": "same", "stride": 2}),
        ((2, 4, 10), (5, 4, 3), None, {"padding": "wide"}),
    ],
)
def test_impossible_convolutions_end_in_torchs_own_error(shapes_and_arguments: tuple) -> None:
    input, weight, bias, arguments = shapes_and_arguments
    tensors = (torch.zeros(input), torch.zeros(weight), None if bias is None else torch.zeros(bias))
    with pytest.raises(RuntimeError) as torchs:
        torch_conv1d(*tensors, **arguments)
    with pytest.raises(RuntimeError) as ours:
        conv1d(*tensors, **arguments)
    assert str(ours.value) == str(torchs.value)


def test_other_dtypes_and_devices_are_refused() -> None:
    input, weight = randn(2, 3, 20), randn(4, 3, 3)
    with pytest.raises(TypeError, match="input is Double on cpu"):
        conv1d(input.double(), weight)
    with pytest.raises(TypeError, match="weight is BFloat16"):
        conv1d(input, weight.bfloat16())
    with pytest.raises(TypeError, match="on cpu and on meta"):
        conv1d(input, weight, torch.empty(4, device="meta"))
    with pytest.raises(TypeError, match="Sparse"):
        conv1d(input.to_sparse(), weight)
    with pytest.raises(TypeError, match="out is Half"):
        conv1d(input, weight, out=torch.empty(2, 4, 18, dtype=torch.float16))
    with pytest.raises(TypeError):
        conv1d(input, weight, stride=1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("padding", [(0, 0), (3, 0), (0, 5), (100, 7)])
def test_padding_of_either_side(isa: str, padding: tuple[int, int]) -> None:
    input, weight = randn(2, 3, 60), randn(9, 3, 5, seed=1)
    with use_isa(isa):
        out = conv1d(input, weight, padding=padding)
    padded = torch.nn.functional.pad(input, padding)
    assert_as_exact_as_float32(out, padded, weight, None, False, {})


@pytest.mark.parametrize("dilation", [1, 3])
def test_causal_outputs_see_no_later_input(dilation: int) -> None:
    input, weight = randn(2, 3, 60), randn(9, 3, 5, seed=1)
    out = conv1d(input, weight, padding="causal", dilation=dilation)
    assert out.shape == (2, 9, 60)
    input[..., 30:] = NAN
    later = conv1d(input, weight, padding="causal", dilation=dilation)
    assert torch.equal(later[..., :30], out[..., :30])
    assert not later[..., 30:].isfinite().any()


@pytest.mark.parametrize("padding", ["causal", (1, 2)])
def test_an_impossible_convolution_that_torch_knows_not_is_refused(padding: object) -> None:
    with pytest.raises(RuntimeError, match="do not make the input's 4"):
        conv1d(randn(2, 4, 10), randn(5, 3, 3), padding=padding)  # type: ignore[arg-type]
