"""Whatever rung feeds it, a training is decided by the order and the seed, to the last bit."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
import torch
from torch import Tensor
from tqdm import tqdm

from crossscale_data.packed_inputs import PackedInputs
from crossscale_results import UserError
from module1_locality.classifier_feed import check_rung, train_by_rung, whole_batches
from module1_locality.classifier_training import ClassifierTraining
from module1_locality.epoch import Epoch
from module1_locality.epoch_orders import Order, epoch_rows, gathered_batches
from module1_locality.lanes import HostLane, Lane
from module1_locality.rungs import LADDER, RungName, why_not
from module1_locality.train_config import Feeding, Recipe
from module1_locality.training_windows import TrainingWindows

MakeBeats = Callable[..., PackedInputs]

RECIPE = Recipe(epochs=2, batch_size=32)
BLOCK, BLOCKS = 8, 4
ROWS = np.concatenate([np.arange(10, 130), np.arange(150, 301)])  # 271: 8 batches and a part

pytestmark = pytest.mark.usefixtures("one_thread", "no_thread_left")


def windows_of(inputs: PackedInputs) -> TrainingWindows:
    return TrainingWindows(inputs.rows, inputs.label.astype(np.int64), ROWS)


def fed(inputs: PackedInputs, rung: RungName, seed: int = 3, lane: Lane | None = None) -> Tensor:
    """All weights of a network that was trained by that rung."""
    windows, lane = windows_of(inputs), lane or HostLane()
    training = ClassifierTraining(inputs, len(windows), "beatnet", RECIPE, seed, lane)
    feeding = Feeding(rung, BLOCK, BLOCKS, depth=3, workers=1)
    train_by_rung(training, windows, feeding, seed, lane, None, "")
    return weights(training)


def gathered(inputs: PackedInputs, order: Order, seed: int = 3) -> Tensor:
    windows, lane = windows_of(inputs), HostLane()
    training = ClassifierTraining(inputs, len(windows), "beatnet", RECIPE, seed, lane)
    for epoch in range(RECIPE.epochs):
        rows = epoch_rows(order, windows.rows, seed, epoch)
        training.train_epoch(gathered_batches(windows, rows, 32, lane), tqdm(disable=True))
    return weights(training)


def weights(training: ClassifierTraining) -> Tensor:
    return torch.cat([value.flatten().double() for value in training.network.state_dict().values()])


def test_rungs_of_one_order_train_the_same_network(easy_beats: MakeBeats) -> None:
    inputs = easy_beats()
    random = gathered(inputs, Order("global"))
    contiguous = gathered(inputs, Order("two-level", BLOCK, BLOCKS))
    assert not torch.equal(random, contiguous)
    able = [rung for rung in LADDER if rung.gather != "once" and not why_not(rung, False)]
    assert {"A0", "A0-workers", "A1", "A2", "A5"} <= {rung.name for rung in able}
    for name in ("A0", "A0-workers", "A1"):
        assert torch.equal(fed(inputs, name), random), name  # type: ignore[arg-type]
    for name in ("A2", "A3", "A5"):
        assert torch.equal(fed(inputs, name), contiguous), name  # type: ignore[arg-type]


def test_a_rung_and_a_seed_give_the_same_network_again(easy_beats: MakeBeats) -> None:
    inputs = easy_beats()
    for rung in ("A0", "A5"):
        first = fed(inputs, rung)  # type: ignore[arg-type]
        assert torch.equal(fed(inputs, rung), first)  # type: ignore[arg-type]
        assert not torch.equal(fed(inputs, rung, seed=4), first)  # type: ignore[arg-type]


def test_what_was_drawn_before_does_not_matter(easy_beats: MakeBeats) -> None:
    inputs = easy_beats()
    first = fed(inputs, "A5")
    torch.rand(77)
    assert torch.equal(fed(inputs, "A5"), first)


@pytest.mark.parametrize("rung", ["A0", "A2", "A5"])
def test_an_epoch_is_all_whole_batches(make_epoch: Callable[..., Epoch], rung: RungName) -> None:
    epoch = make_epoch(50, batch_size=8)
    labels = []
    for _, label in whole_batches(rung, epoch, HostLane()):
        assert len(label) == 8
        labels += label.tolist()
    assert len(labels) == 48
    assert len(set(labels)) == 48


def test_the_beats_left_out_differ_by_epoch(make_epoch: Callable[..., Epoch]) -> None:
    left_out = set()
    for number in range(8):
        epoch = make_epoch(50, batch_size=8, epoch=number)
        seen = {
            row for _, label in whole_batches("A5", epoch, HostLane()) for row in label.tolist()
        }
        left_out.add(frozenset(set(range(50)) - seen))
    assert len(left_out) > 1


def test_a_training_that_fails_stops_the_filler(
    easy_beats: MakeBeats, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = easy_beats()
    windows, lane = windows_of(inputs), HostLane()
    training = ClassifierTraining(inputs, len(windows), "beatnet", RECIPE, 0, lane)

    def interrupted(batches: Iterator[object], bar: object) -> None:
        next(iter(batches))
        assert [t for t in threading.enumerate() if t.name == "filler"]
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_by_rung(training, windows, Feeding("A5", BLOCK, BLOCKS), 0, lane, None, "")
    assert training.epochs_done == 0


def test_a_rung_draws_nothing_from_the_trainings_generator(
    make_epoch: Callable[..., Epoch],
) -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    with closing(whole_batches("A1", make_epoch(), HostLane())) as batches:
        next(batches)
    assert torch.equal(torch.rand(1), expected)


def test_a_rung_that_cannot_train_is_refused() -> None:
    with pytest.raises(UserError, match=r"--rung C0 cannot train: .* choose from A0, .*A5"):
        check_rung("C0", HostLane())
    with pytest.raises(UserError, match="--rung A4 cannot train: no accelerator"):
        check_rung("A4", HostLane())
    check_rung("A5", HostLane())
