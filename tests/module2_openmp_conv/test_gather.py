"""The gather of rows: exact for every dtype, whole or not at all, and known to torch."""

import threading
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, library
from torch._subclasses.fake_tensor import FakeTensorMode

from module2_openmp_conv import gather_rows

pytestmark = pytest.mark.kernels

OPERATOR = torch.ops.crossscale.gather_rows.default
DTYPES = [torch.float32, torch.int16, torch.int64, torch.uint8, torch.float64, torch.bool]


def source_of(dtype: torch.dtype, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 200, shape, generator=generator).to(dtype)


@settings(deadline=None)
@given(
    dtype=st.sampled_from(DTYPES),
    rows=st.lists(st.integers(0, 29), max_size=40),
    length=st.sampled_from([0, 1, 7, 500, 1023]),
)
def test_out_holds_the_rows_in_order(dtype: torch.dtype, rows: list[int], length: int) -> None:
    source = source_of(dtype, 30, length)
    index = torch.tensor(rows, dtype=torch.int64)
    out = torch.zeros(len(rows), length, dtype=dtype)
    gather_rows(source, index, out)
    assert torch.equal(out, source[index])


@pytest.mark.parametrize("shape", [(30,), (30, 2, 5), (30, 2, 3, 4)])
def test_rows_may_have_any_number_of_dimensions(shape: tuple[int, ...]) -> None:
    source, rows = source_of(torch.float32, *shape), torch.tensor([3, 3, 29, 0])
    out = torch.empty(4, *shape[1:])
    gather_rows(source, rows, out)
    assert torch.equal(out, source[rows])


def test_a_part_of_a_larger_batch_is_filled_alone() -> None:
    source, batch = source_of(torch.float32, 30, 5), torch.zeros(4, 5)
    gather_rows(source, torch.tensor([7, 8]), batch[1:3])
    assert torch.equal(batch[1:3], source[7:9])
    assert (batch[[0, 3]] == 0).all()


@pytest.mark.parametrize("wrong", [30, -1, 2**62, -(2**63)])
def test_a_row_that_is_not_there_is_named_and_nothing_written(wrong: int) -> None:
    source, out = source_of(torch.float32, 30, 5), torch.full((3, 5), -7.0)
    with pytest.raises(IndexError, match=rf"row {wrong} is not one of the source's 30"):
        gather_rows(source, torch.tensor([0, 1, wrong]), out)
    assert (out == -7.0).all()


SOURCE, ROWS, OUT = torch.zeros(30, 5), torch.tensor([0, 1]), torch.zeros(2, 5)
WRONG: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "out's dtype": ((SOURCE, ROWS, OUT.double()), TypeError, "out is Double where source is Float"),
    "rows' dtype": ((SOURCE, ROWS.int(), OUT), TypeError, "rows must be one-dimensional int64"),
    "rows in 2-D": ((SOURCE, ROWS[:, None], OUT), TypeError, "rows must be one-dimensional"),
    "fewer places": ((SOURCE, ROWS, OUT[:1]), ValueError, "do not fit an out of shape"),
    "shorter rows": ((SOURCE, ROWS, torch.zeros(2, 4)), ValueError, "do not fit an out of shape"),
    "out's strides": ((SOURCE, ROWS, torch.zeros(5, 2).T), ValueError, "out must .* contiguous"),
    "source's strides": ((SOURCE[:, ::2], ROWS, torch.zeros(2, 3)), ValueError, "source must"),
    "no dimension": ((torch.zeros(()), ROWS, torch.zeros(2)), ValueError, "source must"),
    "sparse": ((SOURCE.to_sparse(), ROWS, OUT), TypeError, "only dense tensors on the CPU"),
    "meta": ((SOURCE.to("meta"), ROWS, OUT), TypeError, "only dense tensors on the CPU"),
    "no tensor": (([0.0], ROWS, OUT), TypeError, "source is no tensor but a"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused(what: str) -> None:
    arguments, kind, said = WRONG[what]
    with pytest.raises(kind, match=said):
        gather_rows(*arguments)


def test_it_is_a_well_behaved_operator() -> None:
    library.opcheck(OPERATOR, (source_of(torch.float32, 30, 5), ROWS, torch.zeros(2, 5)))


def test_it_compiles_to_the_same() -> None:
    def doubled(source: Tensor, rows: Tensor) -> Tensor:
        out = torch.empty(len(rows), source.shape[1])
        OPERATOR(source, rows, out)
        return 2 * out

    source = source_of(torch.float32, 30, 5)
    compiled = torch.compile(doubled, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(source, ROWS), 2 * source[ROWS])


def test_a_fake_tensor_of_another_shape_or_dtype_is_refused() -> None:
    with FakeTensorMode():
        source, rows = torch.zeros(30, 5), torch.zeros(2, dtype=torch.int64)
        OPERATOR(source, rows, torch.zeros(2, 5))
        with pytest.raises(ValueError, match="do not fit"):
            OPERATOR(source, rows, torch.zeros(3, 5))
        with pytest.raises(TypeError, match="out of the source's dtype"):
            OPERATOR(source, rows, torch.zeros(2, 5, dtype=torch.float64))


def test_there_is_no_gradient_to_lose() -> None:
    source = torch.zeros(30, 5, requires_grad=True)
    with pytest.raises(RuntimeError, match="has no gradient"):
        gather_rows(source, ROWS, torch.zeros(2, 5))
    with torch.no_grad():
        gather_rows(source, ROWS, torch.zeros(2, 5))


@pytest.mark.parametrize("inference", [False, True])
def test_autograd_sees_that_out_was_written(inference: bool) -> None:
    out = torch.ones(2, 5)
    weight = torch.ones(2, 5, requires_grad=True)
    product = (out * weight).sum()
    version = out._version
    with torch.inference_mode(inference):
        gather_rows(SOURCE, ROWS, out)
    assert out._version == version + 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()


def test_tensors_of_inference_mode_are_filled_in_and_outside_of_it() -> None:
    source = source_of(torch.float32, 30, 5)
    with torch.inference_mode():
        out = torch.zeros(2, 5)
        gather_rows(source, ROWS, out)
        assert torch.equal(out, source[ROWS])
    gather_rows(source, ROWS + 2, out)
    assert torch.equal(out, source[ROWS + 2])


def test_python_runs_on_while_rows_are_gathered() -> None:
    source = torch.zeros(4, 1 << 22)
    rows = torch.zeros(16, dtype=torch.int64)
    out = torch.empty(16, 1 << 22)
    gather_rows(source, rows, out)  # so that its memory is there
    gathering = threading.Thread(target=gather_rows, args=(source, rows, out))
    turns = 0
    gathering.start()
    while gathering.is_alive():
        turns += 1
    gathering.join()
    assert turns > 1000  # with the GIL held for those 20 ms there would be a few
