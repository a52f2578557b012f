"""torch.compile and torch.export take the convolution into one graph, backward pass included."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.aot_autograd import make_boxed_func

from module2_openmp_conv import Conv1d, conv1d

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script")  # torch's own calls


@pytest.fixture(autouse=True)
def fresh() -> None:
    torch._dynamo.reset()


@pytest.fixture
def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(Conv1d(2, 6, 5, padding="same"), nn.GELU(), Conv1d(6, 4, 3, stride=2))


def trained(step: Callable[[Tensor], Tensor], net: nn.Module, input: Tensor) -> list[Tensor]:
    """Output and the gradients of all parameters."""
    net.zero_grad()
    out = step(input)
    out.square().sum().backward()
    return [out.detach(), *(p.grad.clone() for p in net.parameters() if p.grad is not None)]


@pytest.mark.slow
# No precompiled headers: they take longer than the two small files that are compiled.
@torch._inductor.config.patch("cpp_cache_precompile_headers", False)
def test_inductor_trains_on_many_lengths_with_one_graph(
    net: nn.Sequential, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    compiled = torch.compile(net, fullgraph=True, dynamic=True)
    with torch._dynamo.config.patch("error_on_recompile", True):
        for length in (50, 51, 500, 3600):
            input = torch.randn(3, 2, length)
            found, expected = trained(compiled, net, input), trained(net, net, input)
            assert len(found) == 5
            torch.testing.assert_close(found, expected, atol=1e-2, rtol=1e-3)


def test_the_traced_backward_pass_calls_the_operators(net: nn.Sequential) -> None:
    graphs: list[str] = []

    def note(graph: torch.fx.GraphModule, _: object) -> Callable:
        graphs.append(graph.code)
        return make_boxed_func(graph.forward)

    backend = aot_autograd(fw_compiler=note, bw_compiler=note)
    trained(torch.compile(net, backend=backend, fullgraph=True), net, torch.randn(3, 2, 50))
    forward, backward = graphs
    assert forward.count("crossscale.conv1d.default(") == 2
    assert backward.count("crossscale.conv1d_backward.default(") == 2
    assert "aten.convolution" not in forward + backward


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize(
    "arguments",
    [
        {"padding": "causal", "dilation": 2, "relu": True},
        {"padding": (3, 0), "groups": 2},
        {"padding": [1], "stride": (2,)},
    ],
    ids=str,
)
def test_arguments_are_traced(arguments: dict, dynamic: bool) -> None:
    def doubled(input: Tensor, weight: Tensor) -> Tensor:
        return 2 * conv1d(input, weight, **arguments)

    compiled = torch.compile(doubled, backend="aot_eager", fullgraph=True, dynamic=dynamic)
    weight = torch.randn(6, 4 // arguments.get("groups", 1), 3)
    for shape in ((2, 4, 30), (3, 4, 31), (4, 40)):
        input = torch.randn(shape)
        assert torch.equal(compiled(input, weight), doubled(input, weight))


def test_out_is_written_in_the_graph() -> None:
    def written(input: Tensor, weight: Tensor, out: Tensor) -> Tensor:
        return conv1d(input, weight, out=out) + 1

    compiled = torch.compile(written, backend="aot_eager", fullgraph=True)
    weight = torch.randn(6, 4, 3)
    for input, out in ((torch.randn(2, 4, 30), torch.empty(2, 6, 28)), (torch.randn(4, 30), None)):
        out = torch.empty(6, 28) if out is None else out
        assert torch.equal(compiled(input, weight, out), out + 1)
        assert torch.equal(out, conv1d(input, weight))


def test_a_mistake_shows_while_tracing() -> None:
    compiled = torch.compile(conv1d, backend="aot_eager", fullgraph=True)
    with pytest.raises(RuntimeError, match="1 groups of 2 channels do not make 5"):
        compiled(torch.randn(3, 5, 50), torch.randn(4, 2, 3))
    with pytest.raises(RuntimeError, match="only float32"):
        compiled(torch.randn(3, 2, 50).double(), torch.randn(4, 2, 3))


def test_autocast_is_traced(net: nn.Sequential) -> None:
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    input = torch.randn(3, 2, 50).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found, expected = compiled(input), net(input)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)


def test_export_keeps_the_length_open(net: nn.Sequential) -> None:
    length = torch.export.Dim("length", min=10, max=4000)
    program = torch.export.export(net, (torch.randn(3, 2, 50),), dynamic_shapes=({2: length},))
    input = torch.randn(3, 2, 77)
    torch.testing.assert_close(program.module()(input), net(input))
