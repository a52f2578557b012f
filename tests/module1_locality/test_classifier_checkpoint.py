"""A training goes on from its checkpoint as if nothing had happened, and from no other's."""

import errno
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crossscale_data.packed_inputs import PackedInputs
from crossscale_results import UserError
from module1_locality.classifier_checkpoint import Checkpoint
from module1_locality.classifier_feed import train_by_rung
from module1_locality.classifier_training import ClassifierTraining
from module1_locality.lanes import HostLane
from module1_locality.train_config import Feeding, Recipe
from module1_locality.training_windows import TrainingWindows

MakeBeats = Callable[..., PackedInputs]

RECIPE = Recipe(epochs=4, batch_size=32)
FEEDING = Feeding("A5", block_windows=8, buffer_blocks=4)
ABOUT = {"model": "beatnet", "seed": 1, "learning_rate": 3e-3, "trained_on": [101, 106]}

pytestmark = pytest.mark.usefixtures("one_thread", "no_thread_left")


class KeptOnly(Checkpoint):
    """A checkpoint whose training is interrupted right after a number of saves."""

    saves_left: int

    def save(self, state: Any) -> None:
        super().save(state)
        object.__setattr__(self, "saves_left", self.saves_left - 1)
        if self.saves_left == 0:
            raise KeyboardInterrupt


def interrupted_after(saves: int, checkpoint: Checkpoint) -> KeptOnly:
    kept = KeptOnly(checkpoint.path, checkpoint.about)
    object.__setattr__(kept, "saves_left", saves)
    return kept


def trained(
    inputs: PackedInputs, checkpoint: Checkpoint | None, restore: bool = False
) -> ClassifierTraining:
    windows = TrainingWindows(
        inputs.rows, inputs.label.astype(np.int64), np.arange(len(inputs.label))
    )
    training = ClassifierTraining(inputs, len(windows), "beatnet", RECIPE, 1, HostLane())
    if restore:
        assert checkpoint is not None
        training.restore(checkpoint.load())
    train_by_rung(training, windows, FEEDING, 1, HostLane(), checkpoint, "")
    return training


def as_bytes(training: ClassifierTraining) -> bytes:
    """Weights, optimiser, schedule and epoch; not how long it took."""
    buffer = io.BytesIO()
    torch.save(training.state() | {"training_s": 0.0}, buffer)
    return buffer.getvalue()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    (tmp_path / "kept").mkdir()
    return Checkpoint(tmp_path / "kept" / "training.pt", ABOUT)


@pytest.fixture
def kept(easy_beats: MakeBeats, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint of a training that was interrupted in its second epoch."""
    with pytest.raises(KeyboardInterrupt):
        trained(easy_beats(beats=150), interrupted_after(1, checkpoint))
    return checkpoint


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_resumed_it_is_the_uninterrupted_training_bit_for_bit(
    easy_beats: MakeBeats, checkpoint: Checkpoint, epochs: int
) -> None:
    inputs = easy_beats(beats=150)
    expected = as_bytes(trained(inputs, None))
    with pytest.raises(KeyboardInterrupt):
        trained(inputs, interrupted_after(epochs, checkpoint))
    assert checkpoint.load()["epochs_done"] == epochs
    torch.rand(5)  # a new process has drawn other numbers
    resumed = trained(inputs, checkpoint, restore=True)
    assert as_bytes(resumed) == expected
    assert resumed.training_s > checkpoint.load()["training_s"] / 2


def test_a_finished_training_is_not_trained_again(
    easy_beats: MakeBeats, checkpoint: Checkpoint
) -> None:
    inputs = easy_beats(beats=150)
    first = trained(inputs, checkpoint)
    written = checkpoint.path.stat().st_mtime_ns
    again = trained(inputs, checkpoint, restore=True)
    assert as_bytes(again) == as_bytes(first)
    assert again.training_s == first.training_s
    assert checkpoint.path.stat().st_mtime_ns == written


def test_it_loads_as_weights_only(kept: Checkpoint) -> None:
    content = torch.load(kept.path, weights_only=True)
    assert content["about"] == ABOUT
    assert content["state"]["epochs_done"] == 1


@pytest.mark.parametrize(
    ("name", "value"), [("seed", 2), ("learning_rate", 1e-3), ("trained_on", [101]), ("new", 1)]
)
def test_another_trainings_checkpoint_is_refused_by_what_differs(
    kept: Checkpoint, name: str, value: object
) -> None:
    other = Checkpoint(kept.path, ABOUT | {name: value})
    message = f"its {name} is {ABOUT.get(name)}, here it is {value}"
    with pytest.raises(UserError, match=re.escape(message)):
        other.load()


def test_a_missing_checkpoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no checkpoint .*gone\.pt: leave out --resume"):
        Checkpoint(tmp_path / "gone.pt", ABOUT).load()


def test_a_truncated_checkpoint_is_told(kept: Checkpoint) -> None:
    whole = kept.path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        kept.path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="truncated or damaged"):
            kept.load()


def test_a_damaged_checkpoint_is_told_or_reads_as_it_was(kept: Checkpoint) -> None:
    """A flipped bit is in a tensor, in a name, or in padding between them, which nothing reads."""
    whole = kept.path.read_bytes()
    state = kept.load()
    rng = np.random.default_rng(0)
    told = 0
    for position in rng.choice(len(whole), 60, replace=False):
        spoilt = bytearray(whole)
        spoilt[position] ^= 1 << int(rng.integers(8))
        kept.path.write_bytes(bytes(spoilt))
        try:
            found = kept.load()
        except UserError:
            told += 1
        else:
            assert found["epochs_done"] == state["epochs_done"]
            for name, tensor in state["network"].items():
                assert torch.equal(found["network"][name], tensor)
    assert told > 40


@pytest.mark.parametrize("content", [[1, 2], {"about": ABOUT}, {"state": {}, "about": 3}])
def test_a_file_of_something_else_is_told(checkpoint: Checkpoint, content: object) -> None:
    torch.save(content, checkpoint.path)
    with pytest.raises(UserError, match="no whole checkpoint"):
        checkpoint.load()


def test_code_in_a_checkpoint_is_not_run(checkpoint: Checkpoint, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"about": ABOUT, "state": {"trap": Trap()}}, checkpoint.path)
    with pytest.raises(UserError, match="no whole checkpoint"):
        checkpoint.load()
    assert not (tmp_path / "sprung").exists()


def test_a_save_that_fails_leaves_the_last_one(
    kept: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept.path.read_bytes()

    def half(content: object, file: Any) -> None:
        file.write(b"half of it")
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(UserError, match=r"training\.pt cannot be written \(the disk is broken"):
        kept.save({"epochs_done": 2})
    assert kept.path.read_bytes() == before
    assert list(kept.path.parent.iterdir()) == [kept.path]
