"""`conv1d` behaves as torch's: views, gradients of views, modes, subclasses, what is refused."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d as torch_conv1d

from module2_openmp_conv import Conv1d, conv1d

pytestmark = pytest.mark.kernels


def randn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


# Views of a shape with three dimensions.
VIEWS: dict[str, Callable[..., Tensor]] = {
    "transposed": lambda a, b, c: randn(c, b, a).transpose(0, 2),
    "every third": lambda a, b, c: randn(a, b, 3 * c)[..., ::3],
    "channels of more": lambda a, b, c: randn(a, 2 * b, c)[:, ::2],
    "from an odd offset": lambda a, b, c: randn(a * b * c + 1)[1:].view(a, b, c),
    "expanded batch": lambda a, b, c: randn(1, b, c).expand(a, b, c),
    "expanded everywhere": lambda a, b, c: torch.tensor(0.5).expand(a, b, c),
    "negated": lambda a, b, c: torch.randn(a, b, c, dtype=torch.complex64).conj().imag,
    "overlapping": lambda a, b, c: randn(a * b + c).as_strided((a, b, c), (b, 1, 1)),
}


@pytest.mark.parametrize("weights", VIEWS)
@pytest.mark.parametrize("inputs", VIEWS)
def test_views_convolve_as_their_copies(inputs: str, weights: str) -> None:
    input, weight = VIEWS[inputs](3, 4, 40), VIEWS[weights](6, 4, 5)
    dense = conv1d(input.contiguous().resolve_neg(), weight.contiguous().resolve_neg())
    assert torch.equal(conv1d(input, weight), dense)
    torch.testing.assert_close(dense, torch_conv1d(input, weight), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("view", VIEWS)
def test_gradients_that_are_views_count_as_their_copies(view: str) -> None:
    leaves = [randn(3, 4, 40).requires_grad_(), randn(6, 4, 5).requires_grad_()]
    pull = VIEWS[view](3, 6, 36)
    found = torch.autograd.grad(conv1d(*leaves), leaves, pull)
    dense = torch.autograd.grad(conv1d(*leaves), leaves, pull.contiguous().resolve_neg())
    assert all(torch.equal(one, other) for one, other in zip(found, dense, strict=True))
    expected = torch.autograd.grad(torch_conv1d(*leaves), leaves, pull)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_view_of_the_bias() -> None:
    input, weight, bias = randn(2, 4, 30), randn(6, 4, 5), randn(12)[::2].requires_grad_()
    out = conv1d(input, weight, bias)
    torch.testing.assert_close(out, torch_conv1d(input, weight, bias), atol=1e-5, rtol=1e-5)
    (slope,) = torch.autograd.grad(out.sum(), bias)
    torch.testing.assert_close(slope, torch.full((6,), 52.0))


def test_gradients_of_an_empty_batch_are_zero() -> None:
    input, weight, bias = randn(0, 4, 30), randn(6, 4, 5), randn(6)
    leaves = [tensor.requires_grad_() for tensor in (input, weight, bias)]
    out = conv1d(*leaves, padding=(1, 2), stride=3)
    assert out.shape == (0, 6, 10)
    slopes = torch.autograd.grad(out.sum(), leaves)
    assert [slope.shape for slope in slopes] == [leaf.shape for leaf in leaves]
    assert not any(slope.any() for slope in slopes)


def test_unbatched_gradients_equal_the_batched() -> None:
    input, weight = randn(4, 30).requires_grad_(), randn(6, 4, 5).requires_grad_()
    pull = randn(6, 26)
    single = torch.autograd.grad(conv1d(input, weight), (input, weight), pull)
    batched = torch.autograd.grad(conv1d(input[None], weight), (input, weight), pull[None])
    assert all(torch.equal(one, other) for one, other in zip(single, batched, strict=True))


def test_a_second_backward_pass_is_refused_as_by_torch() -> None:
    input, weight = randn(2, 4, 30), randn(6, 4, 5).requires_grad_()
    out = conv1d(input * 1, weight)
    out.sum().backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        out.sum().backward()


def test_inference_tensors_are_read_and_not_saved_for_backward() -> None:
    with torch.inference_mode():
        input = randn(2, 4, 30)
        assert conv1d(input, randn(6, 4, 5)).is_inference()
    weight = randn(6, 4, 5).requires_grad_()
    with torch.no_grad():
        torch.testing.assert_close(conv1d(input, weight), torch_conv1d(input, weight))
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        conv1d(input, weight)


def test_saved_tensor_hooks_see_what_backward_keeps() -> None:
    input, weight = randn(2, 4, 30).requires_grad_(), randn(6, 4, 5).requires_grad_()
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> int:
        kept.append(tensor)
        return len(kept) - 1

    with torch.autograd.graph.saved_tensors_hooks(keep, kept.__getitem__):
        out = conv1d(input, weight, relu=True)
    assert [tensor.shape for tensor in kept] == [(2, 4, 30), (6, 4, 5), (2, 6, 26)]
    found = torch.autograd.grad(out.sum(), (input, weight))
    expected = torch.autograd.grad(torch_conv1d(input, weight).relu().sum(), (input, weight))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_it_stays_in_float32(dtype: torch.dtype) -> None:
    layer = Conv1d(4, 6, 5)
    leaf = randn(2, 4, 30).requires_grad_()
    with torch.autocast("cpu", dtype):
        lower = leaf @ randn(30, 30)
        assert lower.dtype == dtype
        out = layer(lower)
        assert out.dtype == torch.float32
        torch.testing.assert_close(out, layer(lower.float()))
    out.sum().backward()
    assert leaf.grad is not None
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32
    expected = lower.detach().float().unfold(2, 26, 1).sum((0, 3)).expand(6, 4, 5)
    torch.testing.assert_close(layer.weight.grad, expected, atol=1e-3, rtol=1e-3)


def test_autocast_leaves_float64_refused() -> None:
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(TypeError, match="input is Double"):
        conv1d(randn(2, 4, 30).double(), randn(6, 4, 5))


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "state_dict"])
def test_a_layer_is_copied_as_torchs(way: str) -> None:
    layer = Conv1d(4, 6, 5, padding="same", dilation=2)
    if way == "deepcopy":
        twin = copy.deepcopy(layer)
    elif way == "pickle":
        twin = pickle.loads(pickle.dumps(layer))
    else:
        twin = Conv1d(4, 6, 5, padding="same", dilation=2)
        twin.load_state_dict(layer.state_dict())
    input = randn(2, 4, 30)
    before = layer(input)
    assert torch.equal(twin(input), before)
    with torch.no_grad():
        twin.weight.zero_()
    assert torch.equal(layer(input), before)


class Tagged(Tensor):
    """A subclass without behaviour of its own."""


def test_a_subclass_is_read_as_a_tensor() -> None:
    input, weight = randn(2, 4, 30), randn(6, 4, 5)
    out = conv1d(input.as_subclass(Tagged), torch.nn.Parameter(weight))
    assert torch.equal(out.as_subclass(Tensor), conv1d(input, weight))


@pytest.mark.parametrize("i", range(3))
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.double(), "is Double"),
        (lambda t: t.long(), "is Long"),
        (lambda t: t.to(torch.complex64), "is ComplexFloat"),
        (lambda t: t.to_sparse(), "Sparse"),
        (lambda t: t.to_mkldnn(), "Mkldnn"),
        (lambda t: t.numpy(), "is no tensor|has no attribute"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(i: int, change: Callable, message: str) -> None:
    tensors = [randn(2, 4, 30), randn(6, 4, 5), randn(6)]
    tensors[i] = change(tensors[i])
    with pytest.raises((TypeError, AttributeError), match=message):
        conv1d(*tensors)


@pytest.mark.parametrize("weight", [(), (6,), (6, 4)])
def test_a_weight_of_fewer_dimensions_ends_in_torchs_error(weight: tuple) -> None:
    with pytest.raises(RuntimeError) as torchs:
        torch_conv1d(randn(2, 4, 30), torch.zeros(weight))
    with pytest.raises(RuntimeError) as ours:
        conv1d(randn(2, 4, 30), torch.zeros(weight))
    assert str(ours.value) == str(torchs.value)


def test_padding_beyond_all_memory_is_refused() -> None:
    for padding in (2**40, (2**40, 0), (0, 2**31)):
        with pytest.raises(RuntimeError, match=r"(can't allocate memory|must lie in)"):
            conv1d(randn(2, 4, 30), randn(6, 4, 5), padding=padding)
