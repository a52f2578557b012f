"""`channels_last=True`: the same numbers from and into memory whose channels lie side by side."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, library
from torch.nn.functional import conv1d as torch_conv1d
from torch.nn.functional import pad

from module2_openmp_conv import Conv1d, conv1d, supported_isas, use_isa, use_method
from module2_openmp_conv.gradients import conv1d_input_gradient, conv1d_weight_gradient

pytestmark = pytest.mark.kernels

ISAS = supported_isas()
OPERATORS = torch.ops.crossscale
# Around the tiles of all instruction sets: whole ones, parts of one, and rows shorter than any.
LENGTHS = st.one_of(st.sampled_from([1, 2, 7, 27, 28, 29, 56, 57, 125, 500]), st.integers(1, 200))
CHANNELS = st.one_of(st.sampled_from([1, 2, 3, 15, 16, 17, 31, 32, 33, 48]), st.integers(1, 70))


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, int]:
    """Sizes of a convolution with at least one output; every third is depthwise."""
    depthwise = draw(st.integers(0, 2)) == 0
    groups = draw(CHANNELS) if depthwise else draw(st.sampled_from([1, 1, 1, 2, 3]))
    kernel = draw(st.one_of(st.integers(1, 9), st.integers(10, 80)))
    case = {
        "batch": draw(st.integers(1, 4)),
        "groups": groups,
        "inputs": 1 if depthwise else draw(CHANNELS),
        "outputs": draw(st.sampled_from([1, 1, 2])) if depthwise else draw(CHANNELS),
        "kernel": kernel,
        "stride": draw(st.sampled_from([1, 1, 1, 2, 3])),
        "dilation": draw(st.sampled_from([1, 1, 1, 2, 3])),
        "left": draw(st.integers(0, kernel)),
        "length": draw(LENGTHS),
    }
    reach = case["dilation"] * (kernel - 1) + 1
    least = max(0, reach - case["length"] - case["left"])
    case["right"] = draw(st.integers(least, least + kernel))
    return case


def side_by_side(tensor: Tensor) -> Tensor:
    """The same values, their memory in the order [batch, positions, channels]."""
    return tensor.mT.contiguous().mT


def is_side_by_side(tensor: Tensor) -> bool:
    return tensor.mT.is_contiguous()


def problem(case: dict[str, int], seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Input, weight and bias."""
    generator = torch.Generator().manual_seed(seed)
    groups, inputs, outputs = case["groups"], case["inputs"], case["outputs"]
    shapes = (
        (case["batch"], groups * inputs, case["length"]),
        (groups * outputs, inputs, case["kernel"]),
        (groups * outputs,),
    )
    input, weight, bias = (torch.randn(shape, generator=generator) for shape in shapes)
    return side_by_side(input), weight, bias


def arguments_of(case: dict[str, int]) -> dict:
    names = ("stride", "dilation", "groups")
    return {"padding": (case["left"], case["right"]), **{name: case[name] for name in names}}


def torchs(case: dict[str, int], input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    shape = {name: case[name] for name in ("stride", "dilation", "groups")}
    return torch_conv1d(pad(input, (case["left"], case["right"])), weight, bias, **shape)


def with_gradients(
    convolve: Callable[..., Tensor], *tensors: Tensor, magnitudes: bool = False
) -> list[Tensor]:
    """The output and the gradients of all tensors, pulled at by fixed numbers, or these' sizes."""
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]
    out = convolve(*leaves)
    generator = torch.Generator().manual_seed(1)
    pull = torch.randn(out.shape, generator=generator).to(out.dtype)
    pull = pull.abs() if magnitudes else pull
    return [out.detach(), *torch.autograd.grad(out, leaves, pull)]


@pytest.mark.parametrize("isa", ISAS)
@settings(max_examples=120, deadline=None)
@given(case=convolutions(), seed=st.integers(0, 1000))
def test_output_and_gradients_equal_float64s(
    worst: Callable[..., float], isa: str, case: dict[str, int], seed: int
) -> None:
    tensors = problem(case, seed)

    def convolve(*leaves: Tensor) -> Tensor:
        return conv1d(*leaves, **arguments_of(case), channels_last=True)

    with use_isa(isa):
        with use_method("direct"):
            found = with_gradients(convolve, *tensors)
        with use_method("fft"):
            by_fft = with_gradients(convolve, *tensors)
    torch32 = with_gradients(lambda *leaves: torchs(case, *leaves), *tensors)
    double = [tensor.double() for tensor in tensors]
    exact = with_gradients(lambda *leaves: torchs(case, *leaves), *double)
    size = with_gradients(
        lambda *leaves: torchs(case, *leaves), *(t.abs() for t in double), magnitudes=True
    )
    # As tests/module2_openmp_conv/test_accuracy.py has it, and its floor.
    for one, other, theirs, e, s in zip(found, by_fft, torch32, exact, size, strict=True):
        assert worst(one, e, s) <= 2 * worst(theirs, e, s) + 3.0
        assert worst(other, e, s) <= 2 * worst(theirs, e, s) + 3.0
    assert all(map(is_side_by_side, (*found[:2], *by_fft[:2])))


def sizes(*numbers: int) -> dict[str, int]:
    names = ("batch", "groups", "inputs", "outputs", "kernel", "stride", "dilation", "left")
    return dict(zip((*names, "length", "right"), numbers, strict=True))


# One run of terms and one a tap, sums of several chains, blocks of two vectors and of one with what
# is left over, depthwise with taps held and without, rows with parts of tiles, upsampled gradients,
# few output channels, whose lanes run over what is read.
CASES = [
    sizes(3, 1, 16, 16, 7, 1, 1, 3, 500, 3),
    sizes(3, 1, 20, 72, 5, 1, 1, 4, 301, 0),
    sizes(2, 1, 1, 16, 15, 1, 1, 7, 333, 7),
    sizes(2, 1, 33, 40, 3, 1, 4, 4, 250, 4),
    sizes(2, 1, 8, 24, 9, 2, 1, 4, 401, 4),
    sizes(2, 40, 1, 1, 31, 1, 1, 15, 400, 15),
    sizes(2, 40, 1, 1, 5, 2, 1, 2, 400, 2),
    sizes(2, 3, 5, 17, 7, 1, 1, 3, 200, 3),
    sizes(1, 1, 4, 6, 90, 1, 1, 45, 1200, 45),
    sizes(3, 1, 16, 2, 7, 1, 1, 3, 500, 3),
    sizes(3, 2, 20, 1, 3, 1, 2, 2, 205, 2),
]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_bits_are_the_same_on_1_to_4_threads(isa: str, case: dict[str, int]) -> None:
    tensors = problem(case)

    def run() -> list[Tensor]:
        return with_gradients(
            lambda *leaves: conv1d(*leaves, **arguments_of(case), channels_last=True), *tensors
        )

    with use_isa(isa):
        alone = run()
        for threads in (1, 2, 3, 4):
            torch.set_num_threads(threads)
            ones = run()
            assert all(map(torch.equal, ones[:2], alone[:2]))
            # Gradients of weight and bias: for one number of threads.
            assert all(map(torch.equal, run(), ones))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("outputs", "groups"), [(1, 1), (33, 1), (20, 20)])
def test_bits_do_not_depend_on_where_a_row_begins(isa: str, outputs: int, groups: int) -> None:
    """An output's taps are summed alike in whole tiles, in parts of them and beside padding."""
    input, weight = side_by_side(torch.randn(1, 20, 300)), torch.randn(outputs, 20 // groups, 5)
    with use_isa(isa):
        whole = conv1d(input, weight, groups=groups, channels_last=True)
        for first in (*range(1, 40), *range(270, 296)):
            rest = side_by_side(input[..., first:])
            part = conv1d(rest, weight, groups=groups, channels_last=True)
            assert torch.equal(part, whole[..., first:])
        padded = conv1d(input, weight, padding=9, groups=groups, channels_last=True)
        assert torch.equal(padded[..., 9:-9], whole)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    ("batch", "channels", "groups"), [(70, 192, 1), (70, 200, 1), (140, 96, 1), (140, 96, 96)]
)
def test_outputs_larger_than_the_caches_stay_within_their_memory(
    isa: str, batch: int, channels: int, groups: int
) -> None:
    """They are written past the caches where each is whole lines, from 24 MiB on."""
    generator = torch.Generator().manual_seed(0)
    inputs = 3 if groups == 1 else channels
    input = side_by_side(torch.randn(batch, inputs, 502, generator=generator))
    weight = torch.randn(channels, inputs // groups, 3, generator=generator)

    def convolved(samples: Tensor, out: Tensor | None = None) -> Tensor:
        return conv1d(samples, weight, groups=groups, channels_last=True, out=out)

    with use_isa(isa):
        expected = torch.cat([convolved(one[None]) for one in input])
        for threads in (1, 2):
            torch.set_num_threads(threads)
            memory = torch.full((expected.numel() + 64,), torch.nan)
            out = memory[32:-32].view(batch, 500, channels).mT
            convolved(input, out)
            assert torch.equal(out, expected)
            assert memory[:32].isnan().all()
            assert memory[-32:].isnan().all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("groups", [1, 18])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_bad_sample_reaches_only_the_outputs_that_see_it(
    isa: str, groups: int, bad: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    input = torch.randn(2, 18, 100, generator=generator)
    weight = torch.randn(36, 18 // groups, 5, generator=generator)
    arguments = {"padding": 2, "groups": groups}
    with use_isa(isa):
        clean = conv1d(side_by_side(input), weight, **arguments, channels_last=True)
        for at in (0, 3, 27, 28, 98, 99):
            hit = input.clone()
            hit[1, 7, at] = bad
            out = conv1d(side_by_side(hit), weight, **arguments, channels_last=True)
            seen = torch.zeros_like(out, dtype=torch.bool)
            channels = slice(14, 16) if groups == 18 else slice(None)
            seen[1, channels, max(0, at - 2) : at + 3] = True
            assert not out[seen].isfinite().any()
            assert torch.equal(out[~seen], clean[~seen])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("stride", [1, 2])
def test_infinite_weights_and_gradients_on_padding_add_nothing(isa: str, stride: int) -> None:
    input, weight = torch.rand(1, 2, 40) + 1, torch.ones(3, 2, 3)
    weight[:, :, 0] = torch.inf
    with use_isa(isa):
        out = conv1d(side_by_side(input), weight, padding=1, stride=stride, channels_last=True)
        assert is_side_by_side(out)
        assert out[..., 0].isfinite().all()
        assert (out[..., 1:] == torch.inf).all()
        gradient = torch.ones_like(out)
        gradient[..., 0] = torch.inf
        # Tap 0 of output 0 reads padding alone.
        of_weight = conv1d_weight_gradient(
            gradient, side_by_side(input), 3, stride, 1, channels_last=True
        )
        assert of_weight[..., 0].isfinite().all()
        assert (of_weight[..., 1:] == torch.inf).all()


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("arguments", [(1, 2, 0, 1, 1), (2, 0, 3, 2, 2), (3, 1, 1, 1, 4)], ids=str)
def test_operators_are_well_behaved(arguments: tuple, channels_last: bool, relu: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    input = side_by_side(torch.randn(2, 4, 20, generator=generator)).requires_grad_()
    weight = torch.randn(8, 4 // arguments[-1], 3, generator=generator).requires_grad_()
    bias = torch.randn(8, generator=generator).requires_grad_()
    forward = (input, weight, bias, *arguments, relu, channels_last)
    library.opcheck(OPERATORS.conv1d.default, forward)
    out = OPERATORS.conv1d(*forward).detach()
    library.opcheck(
        OPERATORS.conv1d.out,
        (input.detach(), weight.detach(), bias.detach(), *forward[3:]),
        {"out": torch.empty_like(out)},
    )
    backward = (out, input.detach(), weight.detach(), *arguments, [True] * 3, channels_last)
    library.opcheck(OPERATORS.conv1d_backward.default, backward)


def test_any_input_is_laid_out_anew_first() -> None:
    input, weight = torch.randn(3, 4, 60), torch.randn(18, 4, 5)
    expected = conv1d(side_by_side(input), weight, channels_last=True)
    every_other = torch.randn(3, 4, 120)
    every_other[..., ::2] = input
    negated = torch.complex(torch.zeros_like(input), -input).conj().imag  # stored negated
    for view in (input, every_other[..., ::2], negated):
        out = conv1d(view, weight, channels_last=True)
        assert is_side_by_side(out)
        assert torch.equal(out, expected)
    assert conv1d(side_by_side(input), weight).is_contiguous()


def test_gradients_alone_equal_autograds_bits() -> None:
    input, weight, bias = problem(CASES[1])
    arguments = arguments_of(CASES[1])
    out, of_input, of_weight, _ = with_gradients(
        lambda *leaves: conv1d(*leaves, **arguments, channels_last=True), input, weight, bias
    )
    pull = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    alone = conv1d_input_gradient(pull, weight, 301, **arguments, channels_last=True)
    assert is_side_by_side(alone)
    assert torch.equal(alone, of_input)
    assert torch.equal(
        conv1d_weight_gradient(pull, input, 5, **arguments, channels_last=True), of_weight
    )


def test_a_layer_convolves_in_either_order_of_memory() -> None:
    layer, input = Conv1d(4, 18, 5, padding=2, groups=2), side_by_side(torch.randn(3, 4, 60))
    out = layer.convolve(input, relu=True, channels_last=True)
    assert is_side_by_side(out)
    torch.testing.assert_close(out, layer(input).relu())


def test_a_graph_has_the_same_bits() -> None:
    tensors = problem(CASES[0])

    def convolve(*leaves: Tensor) -> Tensor:
        return conv1d(*leaves, padding=3, relu=True, channels_last=True).relu()

    compiled = torch.compile(convolve, backend="aot_eager", fullgraph=True)
    expected = with_gradients(convolve, *tensors)
    assert all(map(torch.equal, with_gradients(compiled, *tensors), expected))


def test_no_batch_and_an_empty_one() -> None:
    input, weight = torch.randn(50, 4).mT, torch.randn(6, 4, 5)
    out = conv1d(input, weight, channels_last=True)
    torch.testing.assert_close(out, torch_conv1d(input, weight))
    assert is_side_by_side(out)
    into = torch.empty(46, 6).mT
    assert conv1d(input, weight, channels_last=True, out=into) is into
    assert torch.equal(into, out)
    none = torch.empty(0, 50, 4).mT
    empty, of_input, of_weight = with_gradients(
        lambda *leaves: conv1d(*leaves, channels_last=True), none, weight
    )
    assert (empty.shape, of_input.shape) == ((0, 6, 46), none.shape)
    assert torch.equal(of_weight, torch.zeros_like(weight))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (torch.empty(3, 4, 46), "contiguous with its channels last"),
        (torch.empty(3, 46, 8).mT[:, ::2], "contiguous with its channels last"),
        (torch.empty(3, 47, 4).mT, "shape"),
    ],
)
def test_out_in_another_layout_is_refused(out: Tensor, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        conv1d(torch.randn(3, 2, 50), torch.randn(4, 2, 5), channels_last=True, out=out)
