"""The vector that a model's parameters and float buffers are views of."""

import pytest
import torch
from torch import nn

from crossscale_data.classifier import build_model
from crossscale_data.rr_context import CONTEXT_FEATURES
from crossscale_results.errors import UserError
from module3_mpi_gpu_overlap.flat_model import FlatModel, shape_digest

CPU = torch.device("cpu")


def beatnet() -> nn.Module:
    torch.manual_seed(0)
    return build_model("beatnet", 2, CONTEXT_FEATURES)


def test_the_vector_holds_what_the_model_held_and_changes_with_it() -> None:
    before = {name: t.clone() for name, t in beatnet().state_dict().items()}
    model = FlatModel(beatnet(), CPU)
    after = model.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    model.vector.fill_(2.0)
    assert all(bool((p == 2).all()) for p in model.module.parameters())
    assert all(bool((b == 2).all()) for b in model.module.buffers() if b.is_floating_point())


def test_training_writes_into_the_vector() -> None:
    model = FlatModel(beatnet(), CPU)
    before, counts = model.vector.clone(), [0, 0, 0]
    optimizer = torch.optim.AdamW(model.module.parameters())
    model.module(torch.randn(8, 2, 108), torch.randn(8, CONTEXT_FEATURES)).sum().backward()
    optimizer.step()
    flat = torch.cat([t.detach().flatten() for t in model.module.parameters()])
    assert torch.equal(model.vector[: len(flat)], flat)
    assert not torch.equal(before[len(flat) :], model.vector[len(flat) :])  # running statistics
    counts = [int(b) for b in model.module.buffers() if not b.is_floating_point()]
    assert counts == [1, 1, 1]


def test_spans_cover_the_vector_once() -> None:
    model = FlatModel(beatnet(), CPU)
    ends = [0, *(span.stop for span in model.spans)]
    assert [span.start for span in model.spans] == ends[:-1]
    assert ends[-1] == len(model.vector)


def test_variances_are_where_batch_normalisation_has_them() -> None:
    model = FlatModel(beatnet(), CPU)
    for variance in model.variances:
        model.vector[variance] = 7.0
    found = {name for name, b in model.module.named_buffers() if bool((b == 7).all())}
    assert found == {n for n, _ in model.module.named_buffers() if n.endswith("running_var")}
    assert len(found) == 3
    assert all(variance.start >= model.parameters_count for variance in model.variances)


def test_the_digest_sees_every_bit_and_integer_buffers() -> None:
    model = FlatModel(beatnet(), CPU)
    digests = {model.digest()}
    model.vector[-1] += 1e-3
    digests.add(model.digest())
    next(b for b in model.module.buffers() if not b.is_floating_point()).add_(1)
    digests.add(model.digest())
    assert len(digests) == 3


def test_the_shape_digest_sees_structure_and_not_contents() -> None:
    other = beatnet()
    with torch.no_grad():
        next(other.parameters()).zero_()
    assert shape_digest(other) == shape_digest(beatnet())
    assert shape_digest(build_model("beatnet", 2, CONTEXT_FEATURES + 1)) != shape_digest(beatnet())


def test_tied_weights_are_in_the_vector_once_and_stay_tied() -> None:
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    model = FlatModel(nn.Sequential(first, second), CPU)
    assert len(model.vector) == 9 + 3 + 3
    model.vector.zero_()
    assert bool((second.weight == 0).all())


def test_a_model_in_double_precision_is_refused() -> None:
    with pytest.raises(UserError, match=r"weight of Linear is torch\.float64"):
        FlatModel(nn.Linear(2, 2).double(), CPU)


def test_parameters_come_before_running_statistics() -> None:
    model = FlatModel(beatnet(), CPU)
    assert model.parameters_count == sum(p.numel() for p in model.module.parameters())
    model.vector[: model.parameters_count] = 1.0
    model.vector[model.parameters_count :] = 2.0
    assert all(bool((p == 1).all()) for p in model.module.parameters())
    assert all(bool((b == 2).all()) for b in model.module.buffers() if b.is_floating_point())


def test_counters_are_read_and_set() -> None:
    model, other = FlatModel(beatnet(), CPU), FlatModel(beatnet(), CPU)
    model.set_counters([3, 4, 5])
    assert model.counters() == [3, 4, 5]
    assert model.digest() != other.digest()
    other.set_counters(model.counters())
    assert model.digest() == other.digest()


def test_training_counts_in_what_counters_reads() -> None:
    model = FlatModel(beatnet(), CPU)
    before = model.counters()
    model.module.train()
    model.module(torch.zeros(4, 2, 108), torch.zeros(4, CONTEXT_FEATURES))
    assert model.counters() == [count + 1 for count in before]


def test_a_module_without_counters_has_none() -> None:
    model = FlatModel(nn.Linear(2, 2), CPU)
    model.set_counters(model.counters())
    assert model.counters() == []


def test_buffers_that_are_neither_float32_nor_int64_are_refused() -> None:
    module = nn.Linear(2, 2)
    module.register_buffer("mask", torch.zeros(2, dtype=torch.bool))
    with pytest.raises(UserError, match=r"mask of Linear is torch\.bool"):
        FlatModel(module, CPU)
