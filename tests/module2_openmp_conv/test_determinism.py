"""The same bits from run to run and, but for weights, on any number of threads, whoever calls."""

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from module2_openmp_conv import conv1d, supported_isas, use_isa, use_method
from module2_openmp_conv.extension import kernels

pytestmark = pytest.mark.kernels

# Batch, input and output channels, length, kernel, and arguments: enough work for several threads,
# few and many channels, one sample and many, more taps than the tiles take, copied inputs, one
# output channel, an output larger than the caches, more output channels than one block, and such
# with dilated taps.
SHAPES = [
    ((64, 1, 1, 500, 7), {"padding": 3}),
    ((3, 16, 40, 900, 5), {"padding": (4, 0)}),
    ((1, 4, 9, 3600, 64), {}),
    ((5, 8, 8, 600, 9), {"stride": 2, "padding": 4}),
    ((5, 6, 6, 700, 3), {"groups": 6, "dilation": 5, "padding": 5}),
    ((2, 2, 3, 700, 80), {"padding": 40}),
    ((3, 40, 1, 900, 7), {"padding": 3}),
    ((50, 1, 256, 502, 3), {}),
    ((5, 20, 64, 301, 5), {"padding": 2}),
    ((5, 20, 32, 301, 5), {"padding": 8, "dilation": 4}),
]


def outputs_and_gradients(shape: tuple, arguments: dict, seed: int = 0) -> list[Tensor]:
    """Output, and gradients of input, weight and bias."""
    batch, inputs, outputs, length, kernel = shape
    generator = torch.Generator().manual_seed(seed)
    sizes = ((batch, inputs, length), (outputs, inputs // arguments.get("groups", 1), kernel))
    leaves = [torch.randn(s, generator=generator) for s in (*sizes, (outputs,))]
    out = conv1d(*[leaf.requires_grad_() for leaf in leaves], **arguments)
    pull = torch.randn(out.shape, generator=generator)
    return [out.detach(), *torch.autograd.grad(out, leaves, pull)]


def same_bits(ones: list[Tensor], others: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(ones, others, strict=True))


@pytest.mark.parametrize("method", ["direct", "fft"])
@pytest.mark.parametrize("isa", supported_isas())
@pytest.mark.parametrize(("shape", "arguments"), SHAPES, ids=str)
def test_bits_are_the_same_on_1_to_4_threads(
    shape: tuple, arguments: dict, isa: str, method: str
) -> None:
    with use_isa(isa), use_method(method):
        alone = outputs_and_gradients(shape, arguments)
        for threads in (1, 2, 3, 4):
            torch.set_num_threads(threads)
            ones = outputs_and_gradients(shape, arguments)
            assert same_bits(ones[:2], alone[:2])
            for _ in range(3):  # weights' and bias' gradients: for one number of threads
                assert same_bits(outputs_and_gradients(shape, arguments), ones)


# Whole rows and parts of them, many channels and one, rows that begin anywhere in a line, padding,
# rows shorter than a line.
@pytest.mark.parametrize("isa", supported_isas())
@pytest.mark.parametrize(
    "shape",
    [
        (5, 1, 16, 500, 7),
        (3, 17, 40, 903, 5),
        (2, 3, 1, 1001, 3),
        (2, 70, 24, 333, 31),
        (3, 1, 19, 501, 3),
        (2, 1, 20, 360, 15),
        (2, 1, 9, 5000, 5),
        (4, 1, 7, 1024, 11),
        (3, 1, 5, 7, 3),
        (3, 1, 33, 33, 1),
    ],
)
def test_outputs_written_past_the_caches_have_the_same_bits(shape: tuple, isa: str) -> None:
    batch, inputs, outputs, length, kernel = shape
    torch.manual_seed(0)
    input, weight = torch.randn(batch, inputs, length), torch.randn(outputs, inputs, kernel)
    bias, padding = torch.randn(outputs), kernel // 2
    geometry = kernels.Geometry(
        batch=batch,
        in_channels=inputs,
        out_channels=outputs,
        length=length,
        kernel=kernel,
        stride=1,
        padding_left=padding,
        padding_right=padding,
        dilation=1,
        groups=1,
    )
    with use_isa(isa), use_method("direct"):
        expected = conv1d(input, weight, bias, padding=padding, relu=True)
        for threads in (1, 2, 3):
            for start in (32, 37):  # at a line's begin, or within one
                # Lines before and after are somebody else's.
                memory = torch.full((expected.numel() + 70,), torch.nan)
                out = memory[start : start + expected.numel()]
                addresses = [t.data_ptr() for t in (input, weight, bias, out)]
                kernels.forward_streamed(geometry, *addresses, True, threads)
                assert torch.equal(out.view_as(expected), expected)
                assert memory[:start].isnan().all()
                assert memory[start + expected.numel() :].isnan().all()


@pytest.mark.parametrize("threads", [1, 2])
def test_several_callers_at_once_get_what_each_would_alone(threads: int) -> None:
    torch.set_num_threads(threads)
    cases = [SHAPES[i % len(SHAPES)] for i in range(12)]
    alone = [outputs_and_gradients(*case, seed=i) for i, case in enumerate(cases)]
    together = threading.Barrier(4)

    def caller(rank: int) -> None:
        together.wait()
        for i in range(rank, rank + 24):
            found = outputs_and_gradients(*cases[i % 12], seed=i % 12)
            assert same_bits(found, alone[i % 12])

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(caller, rank) for rank in range(4)]:
            done.result(timeout=120)


def test_threads_that_come_and_go_take_their_scratch_memory_along() -> None:
    shape, arguments = SHAPES[1]
    alone = outputs_and_gradients(shape, arguments)
    found: list[list[Tensor]] = []
    for _ in range(20):
        caller = threading.Thread(
            target=lambda: found.append(outputs_and_gradients(shape, arguments))
        )
        caller.start()
        caller.join()
    assert len(found) == 20
    assert all(same_bits(one, alone) for one in found)


def in_team(threads: int, body: Callable[[], None]) -> None:
    """Calls body on each thread of a team of torch's OpenMP runtime, as at::parallel_for does."""
    errors: list[BaseException] = []

    def work(_: object) -> None:
        try:
            body()
        except BaseException as error:  # must not pass through the runtime
            errors.append(error)

    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(work)
    ctypes.CDLL(kernels.openmp_library()).GOMP_parallel(function, None, threads, 0)
    if errors:
        raise errors[0]


def test_inside_torchs_parallel_region_a_call_stays_on_its_thread() -> None:
    runtime = ctypes.CDLL(kernels.openmp_library())
    alone = outputs_and_gradients(*SHAPES[0])
    torch.set_num_threads(2)
    threads: list[int] = []
    found: list[list[Tensor]] = []

    def body() -> None:
        threads.append(runtime.omp_get_thread_num())
        found.append(outputs_and_gradients(*SHAPES[0]))
        assert runtime.omp_in_parallel()

    in_team(2, body)
    assert sorted(threads) == [0, 1]
    # Weights' gradients, too, are those of one thread.
    assert all(same_bits(one, alone) for one in found)
