"""What a fragment measures, and that training under every rung learns."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from crossscale_results import UserError
from module1_locality import measure
from module1_locality.epoch import Epoch
from module1_locality.feed import open_feed
from module1_locality.lanes import Batch, HostBatch, HostLane, Timeline
from module1_locality.measure import assemble_fragment, copy_in_order, train_fragment
from module1_locality.rungs import LADDER, RUNGS, why_not
from module1_locality.training_windows import TrainingWindows

FED = tuple(rung.name for rung in LADDER if rung.gather != "once")
ON_CPU = tuple(name for name in FED if why_not(RUNGS[name], has_accelerator=False) is None)
IN_HOST_MEMORY = tuple(name for name in ON_CPU if RUNGS[name].store != "device")


@pytest.fixture
def epoch(make_epoch: Callable[..., Epoch], learnable_windows: TrainingWindows) -> Epoch:
    return make_epoch(learnable_windows, batch_size=16, block_windows=16, buffer_blocks=4)


@pytest.mark.usefixtures("replayed")
@pytest.mark.parametrize("name", FED)
def test_training_learns_under_every_rung(epoch: Epoch, name: str) -> None:
    fragment = train_fragment(RUNGS[name], epoch, HostLane(), warmup_steps=2, steps=34)
    assert len(fragment.losses) == 36
    assert sum(fragment.losses[-5:]) / 5 < 0.9 * fragment.losses[0]


@pytest.mark.usefixtures("replayed")
def test_rungs_of_one_order_train_the_same_model(epoch: Epoch) -> None:
    def losses(name: str) -> list[float]:
        return train_fragment(RUNGS[name], epoch, HostLane(), 1, 8).losses

    assert losses("A0") == losses("A1")
    assert losses("A0") == losses("C1") == losses("A5-order")
    assert losses("A0") == losses("A0-captured") == losses("C1-captured")
    assert losses("A2") == losses("A5-captured")
    assert (
        losses("A2") == losses("A3") == losses("A5") == losses("A6-gather") == losses("A6-thread")
    )
    assert losses("A6-int16") == pytest.approx(losses("A2"), abs=1e-3)


@pytest.mark.parametrize("name", [*ON_CPU, "C0"])
def test_the_parts_of_a_step_fit_into_it(epoch: Epoch, name: str) -> None:
    fragment = train_fragment(RUNGS[name], epoch, HostLane(), 2, 10)
    sample_bytes = 2 if "int16" in RUNGS[name].store else 4
    assert fragment.batch_bytes == 16 * (500 * sample_bytes + 8)
    assert fragment.samples_per_s == pytest.approx(16 / fragment.step_ms * 1e3)
    assert fragment.copy_ms is None
    assert fragment.compute_ms is not None
    assert 0 < fragment.compute_ms + fragment.wait_ms <= fragment.step_ms


@pytest.mark.parametrize("name", ["A0", "A2", "A2-preshuffled", "A5", "A6-int16", "C0", "C1"])
def test_a_rung_has_fed_the_same_batches_before_it_is_timed(
    epoch: Epoch, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    feeds: list[list[Tensor]] = []

    def seen(*args: Any) -> Iterator[Batch]:
        feeds.append([])
        for waveform, label in open_feed(*args):
            feeds[-1].append(waveform.clone())
            yield waveform, label

    monkeypatch.setattr(measure, "open_feed", seen)
    train_fragment(RUNGS[name], epoch, HostLane(), warmup_steps=2, steps=5)
    before, timed = feeds
    assert len(before) == len(timed) == 7
    assert all(torch.equal(*pair) for pair in zip(before, timed, strict=True))


def test_assembly_out_of_sight_is_not_timed(epoch: Epoch) -> None:
    for name in ("A0-workers", "C0"):
        assert train_fragment(RUNGS[name], epoch, HostLane(), 1, 2).assembly_ms is None


@pytest.mark.parametrize("name", IN_HOST_MEMORY)
def test_assembly_alone_counts_what_it_made(epoch: Epoch, name: str) -> None:
    assembly = assemble_fragment(RUNGS[name], epoch, HostLane(), 1, 10)
    window_bytes = 1008 if "int16" in RUNGS[name].store else 2008
    assert assembly.samples_per_s == pytest.approx(16 / assembly.batch_ms * 1e3)
    assert assembly.gb_per_s == pytest.approx(assembly.samples_per_s * window_bytes / 1e9)


def test_spans_are_of_the_timed_steps(epoch: Epoch) -> None:
    spans = train_fragment(RUNGS["A2"], epoch, HostLane(), 2, 10).spans
    assert len(spans.wait) == len(spans.assembly) == len(spans.compute) == 10
    assert spans.copy == []
    for wait, assembly, compute in zip(spans.wait, spans.assembly, spans.compute, strict=True):
        assert wait[0] <= assembly[0] <= assembly[1] <= wait[1] <= compute[0]


class CopyingLane(HostLane):
    """A simulated accelerator, whose copies are in step with computes that never fill a step."""

    def __init__(self) -> None:
        super().__init__()
        self.has_accelerator = True

    def synchronised_copy_ms(self, batch: HostBatch) -> float:
        return 7.0

    def timeline(self) -> Timeline:
        # Ten steps of 1 s: computed on from 0.2 to 1.0, copied for from 0.1 to 0.5.
        return Timeline(
            [(i + 0.1, i + 0.5) for i in range(10)], [(i + 0.2, i + 1.0) for i in range(10)]
        )


@pytest.mark.parametrize(
    ("name", "copy_ms", "exposed_ms"),
    [("A2", 7.0, 7.0), ("A3", 400.0, 100.0), ("A5", 400.0, 100.0), ("A5-ring", 7.0, None)],
)
def test_a_copy_is_exposed_where_nothing_is_computed(
    epoch: Epoch, name: str, copy_ms: float, exposed_ms: float | None
) -> None:
    fragment = train_fragment(RUNGS[name], epoch, CopyingLane(), 2, 10)
    assert fragment.copy_ms == pytest.approx(copy_ms)
    assert fragment.exposed_copy_ms == (exposed_ms and pytest.approx(exposed_ms))


def test_copying_in_order_goes_round_a_short_shard(epoch: Epoch) -> None:
    assembly = copy_in_order(epoch, 1, batches=100)
    assert assembly.gb_per_s == pytest.approx(assembly.samples_per_s * 2000 / 1e9)


def test_a_batch_longer_than_every_run_is_refused(make_epoch: Callable[..., Epoch]) -> None:
    with pytest.raises(UserError, match="no run of the training windows is as long"):
        copy_in_order(make_epoch(windows=10, batch_size=11), 1, 1)
