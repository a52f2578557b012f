"""What a fragment measures, and that training under every rung learns."""

from collections.abc import Callable

import pytest

from crossscale_results import UserError
from module1_locality.feed import Epoch
from module1_locality.lanes import HostLane
from module1_locality.measure import assemble_fragment, copy_in_order, train_fragment
from module1_locality.rungs import RUNGS
from module1_locality.training_windows import TrainingWindows

FED = ("A0", "A0-workers", "A1", "A2", "A3", "A4", "A5")


@pytest.fixture
def epoch(make_epoch: Callable[..., Epoch], learnable_windows: TrainingWindows) -> Epoch:
    return make_epoch(learnable_windows, batch_size=16, block_windows=16, buffer_blocks=4)


@pytest.mark.parametrize("name", FED)
def test_training_learns_under_every_rung(epoch: Epoch, name: str) -> None:
    fragment = train_fragment(RUNGS[name], epoch, HostLane(), warmup_steps=2, steps=34)
    assert len(fragment.losses) == 36
    assert sum(fragment.losses[-5:]) / 5 < 0.9 * fragment.losses[0]


def test_rungs_of_one_order_train_the_same_model(epoch: Epoch) -> None:
    def losses(name: str) -> list[float]:
        return train_fragment(RUNGS[name], epoch, HostLane(), 1, 8).losses

    assert losses("A0") == losses("A1")
    assert losses("A2") == losses("A3") == losses("A5")


@pytest.mark.parametrize("name", [*FED, "C0"])
def test_the_parts_of_a_step_fit_into_it(epoch: Epoch, name: str) -> None:
    fragment = train_fragment(RUNGS[name], epoch, HostLane(), 2, 10)
    assert fragment.batch_bytes == 16 * (500 * 4 + 8)
    assert fragment.samples_per_s == pytest.approx(16 / fragment.step_ms * 1e3)
    assert fragment.copy_ms is None
    assert fragment.compute_ms is not None
    assert 0 < fragment.compute_ms + fragment.wait_ms <= fragment.step_ms


def test_assembly_out_of_sight_is_not_timed(epoch: Epoch) -> None:
    for name in ("A0-workers", "C0"):
        assert train_fragment(RUNGS[name], epoch, HostLane(), 1, 2).assembly_ms is None


@pytest.mark.parametrize("name", ["A0", "A0-workers", "A1", "A2", "A3"])
def test_assembly_alone_counts_what_it_made(epoch: Epoch, name: str) -> None:
    assembly = assemble_fragment(RUNGS[name], epoch, HostLane(), 1, 10)
    assert assembly.samples_per_s == pytest.approx(16 / assembly.batch_ms * 1e3)
    assert assembly.gb_per_s == pytest.approx(assembly.samples_per_s * 2008 / 1e9)


def test_copying_in_order_goes_round_a_short_shard(epoch: Epoch) -> None:
    assembly = copy_in_order(epoch, 1, batches=100)
    assert assembly.gb_per_s == pytest.approx(assembly.samples_per_s * 2000 / 1e9)


def test_a_batch_longer_than_every_run_is_refused(make_epoch: Callable[..., Epoch]) -> None:
    with pytest.raises(UserError, match="no run of the training windows is as long"):
        copy_in_order(make_epoch(windows=10, batch_size=11), 1, 1)
