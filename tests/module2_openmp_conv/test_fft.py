"""Products of spectra: as exact as the taps that they stand in for, and chosen by size."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import conv1d as torch_conv1d
from torch.nn.functional import pad

from module2_openmp_conv import KernelsError, conv1d, method, supported_isas, use_isa, use_method
from module2_openmp_conv.extension import METHOD_VARIABLE, kernels
from module2_openmp_conv.gradients import conv1d_input_gradient, conv1d_weight_gradient

pytestmark = pytest.mark.kernels

ISAS = supported_isas()
# What torch's own worst error is let pass by, as in test_accuracy.
FLOOR = 3.0
CHANNELS = st.one_of(st.sampled_from([8, 15, 16, 17, 32, 33]), st.integers(8, 50))


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, int]:
    """Sizes that a transform can take: each output reads at least half of its taps."""
    kernel = draw(st.one_of(st.integers(2, 9), st.integers(10, 64), st.integers(65, 120)))
    return {
        "batch": draw(st.integers(1, 4)),
        "groups": draw(st.sampled_from([1, 1, 1, 2, 3])),
        "inputs": draw(CHANNELS),
        "outputs": draw(CHANNELS),
        "kernel": kernel,
        "left": draw(st.integers(0, kernel // 2)),
        "right": draw(st.integers(0, kernel // 2)),
        "length": kernel + draw(st.one_of(st.integers(0, 300), st.sampled_from([15, 31, 63, 99]))),
    }


def sizes(*numbers: int) -> dict[str, int]:
    names = ("batch", "groups", "inputs", "outputs", "kernel", "left", "right", "length")
    return dict(zip(names, numbers, strict=True))


def problem(case: dict[str, int], seed: int = 0) -> list[Tensor]:
    """Input, weight, bias and the output's gradient."""
    generator = torch.Generator().manual_seed(seed)
    groups, outputs = case["groups"], case["groups"] * case["outputs"]
    out_length = case["length"] + case["left"] + case["right"] - case["kernel"] + 1
    shapes = (
        (case["batch"], groups * case["inputs"], case["length"]),
        (outputs, case["inputs"], case["kernel"]),
        (outputs,),
        (case["batch"], outputs, out_length),
    )
    return [torch.randn(shape, generator=generator) for shape in shapes]


def laid_out(tensor: Tensor, channels_last: bool) -> Tensor:
    return tensor.mT.contiguous().mT if channels_last else tensor


def ours(case: dict[str, int], tensors: list[Tensor], channels_last: bool) -> list[Tensor]:
    """Output and the gradients of input, weight and bias."""
    input, weight, bias, pull = tensors
    leaves = [
        leaf.detach().requires_grad_() for leaf in (laid_out(input, channels_last), weight, bias)
    ]
    arguments = {"padding": (case["left"], case["right"]), "groups": case["groups"]}
    out = conv1d(*leaves, **arguments, channels_last=channels_last)
    pull = laid_out(pull, channels_last)
    return [out.detach(), *torch.autograd.grad(out, leaves, pull)]


def torchs(case: dict[str, int], tensors: list[Tensor]) -> list[Tensor]:
    leaves = [leaf.detach().requires_grad_() for leaf in tensors[:3]]
    padded = pad(leaves[0], (case["left"], case["right"]))
    out = torch_conv1d(padded, *leaves[1:], groups=case["groups"])
    return [out.detach(), *torch.autograd.grad(out, leaves, tensors[3])]


# Segments that end with the row and before it, one output a segment, one segment a row, each size
# of a transform, blocks of two vectors of channels and what is left over.
@settings(max_examples=100, deadline=None)
@given(case=convolutions(), seed=st.integers(0, 1000))
@example(sizes(2, 1, 16, 16, 7, 3, 3, 500), 0)
@example(sizes(2, 1, 70, 64, 31, 15, 15, 333), 0)
@example(sizes(1, 1, 8, 8, 16, 8, 8, 16), 0)
@example(sizes(3, 2, 9, 33, 2, 0, 1, 30), 0)
@example(sizes(1, 1, 40, 24, 64, 32, 31, 200), 0)
@example(sizes(1, 1, 12, 20, 120, 60, 60, 240), 0)
@example(sizes(9, 1, 16, 16, 5, 2, 2, 180), 0)
def test_errors_are_at_most_twice_torchs(
    worst: Callable[..., float], case: dict[str, int], seed: int
) -> None:
    tensors = problem(case, seed)
    double = [tensor.double() for tensor in tensors]
    exact = torchs(case, double)
    size = torchs(case, [tensor.abs() for tensor in double])
    float32 = torchs(case, tensors)
    for isa in ISAS:
        for channels_last in (False, True):
            with use_isa(isa), use_method("fft"):
                found = ours(case, tensors, channels_last)
            for one, other, e, s in zip(found, float32, exact, size, strict=True):
                assert worst(one, e, s) <= 2 * worst(other, e, s) + FLOOR, (isa, channels_last)


CASES = [
    sizes(3, 1, 16, 16, 7, 3, 3, 500),
    sizes(5, 2, 20, 37, 15, 7, 7, 203),
    sizes(2, 1, 33, 64, 31, 15, 15, 333),
]


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_bits_are_the_same_on_1_to_4_threads(
    case: dict[str, int], isa: str, channels_last: bool
) -> None:
    tensors = problem(case)
    with use_isa(isa), use_method("fft"):
        alone = ours(case, tensors, channels_last)
        for threads in (1, 2, 3, 4):
            torch.set_num_threads(threads)
            ones = ours(case, tensors, channels_last)
            assert all(map(torch.equal, ones[:2], alone[:2]))
            # Gradients of weight and bias: for one number of threads.
            assert all(map(torch.equal, ours(case, tensors, channels_last), ones))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("outputs", [8, 16, 21, 48])
def test_only_the_output_is_written(outputs: int, isa: str, channels_last: bool) -> None:
    input, weight, bias = torch.randn(2, 16, 77), torch.randn(outputs, 16, 5), torch.randn(outputs)
    input = laid_out(input, channels_last)
    memory = torch.full((2 * outputs * 77 + 64,), torch.nan)
    shape = (2, 77, outputs) if channels_last else (2, outputs, 77)
    out = memory[32:-32].view(shape)
    out = out.mT if channels_last else out
    with use_isa(isa), use_method("fft"):
        conv1d(input, weight, bias, padding=2, relu=True, channels_last=channels_last, out=out)
    exact = torch_conv1d(input.double(), weight.double(), bias.double(), padding=2).relu()
    torch.testing.assert_close(out.double(), exact, atol=1e-4, rtol=1e-4)
    assert memory[:32].isnan().all()
    assert memory[-32:].isnan().all()


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf, 1e37, 1e6, -1e4])
def test_a_sample_with_a_bad_or_huge_value_is_computed_from_the_taps(
    bad: float, isa: str, channels_last: bool
) -> None:
    input, weight, bias, _ = problem(CASES[0])
    broken = input.clone()
    broken[1, 5, 250] = bad

    def convolved(x: Tensor) -> Tensor:
        return conv1d(
            laid_out(x, channels_last), weight, bias, padding=3, channels_last=channels_last
        )

    with use_isa(isa):
        with use_method("direct"):
            from_taps = convolved(broken)
        with use_method("fft"):
            clean, found = convolved(input), convolved(broken)
    torch.testing.assert_close(found[1], from_taps[1], rtol=0, atol=0, equal_nan=True)
    assert torch.equal(found[::2], clean[::2])
    assert not torch.equal(clean[::2], from_taps[::2])  # or nothing was transformed


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("isa", ISAS)
def test_outputs_that_read_only_zeros_are_their_bias(isa: str, channels_last: bool) -> None:
    input, weight, bias, _ = problem(CASES[0])
    input[0, :, 100:113] = 0.0
    input[1, :, 300:] = 0.0
    input[2] = 0.0
    with use_isa(isa), use_method("fft"):
        out = conv1d(
            laid_out(input, channels_last), weight, bias, padding=3, channels_last=channels_last
        )
        slope = conv1d_input_gradient(
            laid_out(input, channels_last), weight, 500, padding=3, channels_last=channels_last
        )
    column = bias[:, None]
    assert torch.equal(out[0, :, 103:110], column.expand(16, 7))
    assert torch.equal(out[1, :, 303:], column.expand(16, 197))
    assert torch.equal(out[2], column.expand(16, 500))
    assert (out[0, :, 97:103] != column).all()
    assert (out[0, :, 110:116] != column).all()
    assert not slope[0, :, 103:110].any()
    assert not slope[2].any()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_bad_weight_is_seen_through_silence(bad: float, isa: str) -> None:
    input, weight, bias, _ = problem(CASES[0])
    input[1] = 0.0
    weight[3, 5, 2] = bad
    with use_isa(isa):
        with use_method("direct"):
            from_taps = conv1d(input, weight, bias, padding=3)
        with use_method("fft"):
            found = conv1d(input, weight, bias, padding=3)
    torch.testing.assert_close(found, from_taps, rtol=0, atol=0, equal_nan=True)
    assert found[1, 3, 3:].isnan().all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("quiet", [2.0**-7, 2.0**-12, 1e-30])
def test_quiet_stretches_keep_their_digits(quiet: float, isa: str) -> None:
    """However loud a row is elsewhere, an output's error stays in proportion to what it reads."""
    case = sizes(2, 1, 16, 32, 9, 4, 4, 400)
    tensors = problem(case)
    tensors[0][..., 150:190] *= quiet
    tensors[2].zero_()  # a bias' size would cover an error
    double = [tensor.double() for tensor in tensors]
    exact, size = torchs(case, double)[0], torchs(case, [t.abs() for t in double])[0]
    with use_isa(isa), use_method("fft"):
        found = ours(case, tensors, channels_last=False)[0]
    inner = slice(154, 186)
    error = (found.double() - exact).abs() / size * 2.0**24
    assert float(error[..., inner].max()) <= 256.0
    rest = torch.cat([error[..., :140], error[..., 200:]], dim=-1)
    assert float(rest.max()) <= 2 * FLOOR


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_weights_gradients_of_what_is_not_finite_are_those_of_the_taps(
    bad: float, isa: str
) -> None:
    input, _, _, pull = problem(CASES[0])
    input[1, 5, 250] = bad
    with use_isa(isa):
        found = {}
        for name in ("direct", "fft"):
            with use_method(name):
                found[name] = conv1d_weight_gradient(pull, input, 7, padding=3)
    torch.testing.assert_close(found["fft"], found["direct"], rtol=0, atol=0, equal_nan=True)
    assert found["fft"][:, :5].isfinite().all()
    assert not found["fft"][:, 5].isfinite().any()


@pytest.mark.parametrize(
    "arguments",
    [
        {"stride": 2, "padding": 3},
        {"dilation": 2, "padding": 6},
        {"padding": (6, 0)},  # the first output reads one tap
        {"padding": 3, "groups": 4},
    ],
    ids=str,
)
def test_what_no_transform_takes_has_the_bits_of_the_taps(arguments: dict) -> None:
    input, weight = torch.randn(3, 16, 400), torch.randn(16, 16 // arguments.get("groups", 1), 7)
    with use_method("direct"):
        from_taps = conv1d(input, weight, **arguments)
    with use_method("fft"):
        assert torch.equal(conv1d(input, weight, **arguments), from_taps)


# Sums of positive numbers, which rounding only ever makes larger, or only smaller.
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("isa", ISAS)
def test_the_bias_gradient_of_a_large_batch_is_a_floats_rounding_off(
    isa: str, threads: int
) -> None:
    case = sizes(4000, 1, 8, 8, 7, 3, 3, 60)
    input, weight, bias, pull = problem(case)
    pull = 1 + pull.abs()
    torch.set_num_threads(threads)
    with use_isa(isa), use_method("fft"):
        assert kernels.transform_of(geometry(4000, 8, 7, 60), "weight_gradient") > 0  # type: ignore[arg-type]
        found = ours(case, [input, weight, bias, pull], channels_last=False)[3]
    exact = pull.double().sum((0, 2))
    assert ((found - exact).abs() <= 2.0**-23 * exact).all()


@pytest.mark.parametrize("channels_last", [False, True])
def test_an_empty_batch_has_gradients_of_zero(channels_last: bool) -> None:
    case = sizes(0, 1, 16, 16, 7, 3, 3, 500)
    for isa in ISAS:
        with use_isa(isa), use_method("fft"):
            out, of_input, *of_parameters = ours(case, problem(case), channels_last)
            assert out.shape == of_input.shape == (0, 16, 500)
            assert not any(gradient.any() for gradient in of_parameters)
            assert kernels.transform_of(geometry(0, 16, 7), "weight_gradient") == 0  # type: ignore[arg-type]


def geometry(batch: int, channels: int, kernel: int, length: int = 500) -> object:
    return kernels.Geometry(
        batch=batch,
        in_channels=channels,
        out_channels=channels,
        length=length,
        kernel=kernel,
        stride=1,
        padding_left=kernel // 2,
        padding_right=kernel // 2,
        dilation=1,
        groups=1,
    )


@pytest.mark.parametrize("operation", ["forward", "input_gradient", "weight_gradient"])
def test_auto_transforms_where_there_is_much_to_save(operation: str) -> None:
    transform_of: Callable[..., int] = kernels.transform_of
    outputs = operation != "weight_gradient"
    assert method() == "auto"
    for isa in ISAS:
        with use_isa(isa):
            assert transform_of(geometry(64, 64, 31), operation) in (64, 128)
            assert transform_of(geometry(64, 32, 7), operation) in (32, 64)
            assert transform_of(geometry(64, 64, 1), operation) == 0
            assert transform_of(geometry(2, 16, 3, length=40), operation) == 0
            assert transform_of(geometry(64, 4, 31), operation) == 0  # too few to even errors out
    with use_method("direct"):
        assert transform_of(geometry(64, 64, 31), operation) == 0
    with use_method("fft"):
        assert transform_of(geometry(2, 16, 3, length=40), operation) == 16
        assert (transform_of(geometry(2, 8, 3, length=40), operation) == 0) == outputs
        assert transform_of(geometry(2, 7, 31, length=40), operation) == 0
        assert (transform_of(geometry(1, 16, 31, length=31), operation) == 0) != outputs
    with pytest.raises(ValueError, match="there is no operation 'training'"):
        transform_of(geometry(1, 8, 3), "training")


def test_auto_gives_the_bits_of_what_it_chose() -> None:
    for case, chosen in ((CASES[2], "fft"), (sizes(1, 1, 8, 8, 3, 1, 1, 40), "direct")):
        tensors = problem(case)
        by_itself = ours(case, tensors, channels_last=False)
        with use_method(chosen):
            assert all(map(torch.equal, ours(case, tensors, channels_last=False), by_itself))


def test_a_method_holds_inside_its_block_alone() -> None:
    assert kernels.known_methods() == ["auto", "direct", "fft"]
    with use_method("fft"):
        assert method() == "fft"
        with use_method("direct"):
            assert method() == "direct"
        assert method() == "fft"
    assert method() == "auto"
    message = "no method 'winograd': choose one of auto, direct, fft"
    with pytest.raises(KernelsError, match=message), use_method("winograd"):
        pass
    assert method() == "auto"


@pytest.mark.parametrize(("value", "told"), [("direct", "direct"), ("", "auto"), ("slow", "slow")])
def test_the_variable_chooses_the_method(
    value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(METHOD_VARIABLE, value)
    code = "import module2_openmp_conv as m; print(m.method())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if value == "slow":
        assert done.returncode != 0
        assert f"{METHOD_VARIABLE}=slow cannot be used: there is no method 'slow'" in done.stderr
    else:
        assert done.stdout.strip() == told
