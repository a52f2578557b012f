"""Training learns what there is to learn, and the seed decides all of it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from crossscale_data.labels import CLASSES
from crossscale_data.packed_inputs import PackedInputs
from crossscale_results import UserError
from module1_locality.classifier_feed import train_by_rung
from module1_locality.classifier_training import ClassifierTraining, class_weights, predict
from module1_locality.lanes import HostLane
from module1_locality.train_config import Feeding, Recipe
from module1_locality.training_windows import TrainingWindows

S = CLASSES.index("S")
RECIPE = Recipe(epochs=8, batch_size=32, learning_rate=3e-3)


MakeBeats = Callable[..., PackedInputs]

pytestmark = pytest.mark.usefixtures("one_thread")


def trained(inputs: PackedInputs, model: str, recipe: Recipe, seed: int) -> torch.nn.Module:
    label = inputs.label.astype(np.int64)
    windows = TrainingWindows(inputs.rows, label, np.arange(len(label)))
    lane = HostLane()
    training = ClassifierTraining(inputs, len(windows), model, recipe, seed, lane)
    feeding = Feeding(rung="A2", block_windows=8, buffer_blocks=4)
    train_by_rung(training, windows, feeding, seed, lane, None, "")
    return training.network


def called(network: torch.nn.Module, inputs: PackedInputs) -> np.ndarray:
    return predict(network, inputs, np.arange(len(inputs.label)))


def test_what_can_be_learnt_is_learnt(easy_beats: MakeBeats) -> None:
    network = trained(easy_beats(0), "beatnet", RECIPE, seed=0)
    unseen = easy_beats(1)
    assert (called(network, unseen) == unseen.label).mean() > 0.97


def test_a_seed_gives_the_same_network_again_and_another_seed_another(
    easy_beats: MakeBeats,
) -> None:
    beats = easy_beats(0, 200)
    first, again, other = (
        torch.nn.utils.parameters_to_vector(trained(beats, "beatnet", RECIPE, seed).parameters())
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_fewer_beats_than_a_batch_are_one_batch(easy_beats: MakeBeats) -> None:
    beats = easy_beats(0, 20)
    network = trained(beats, "tinyecg", RECIPE, seed=0)
    assert called(network, beats).shape == (20,)


def test_predicting_is_by_batch_and_leaves_the_network_alone(easy_beats: MakeBeats) -> None:
    beats = easy_beats(0, 9000)
    network = trained(easy_beats(0, 100), "beatnet", RECIPE, seed=0)
    before = [p.clone() for p in network.state_dict().values()]
    whole = called(network, beats)
    assert whole.shape == (9000,)
    np.testing.assert_array_equal(called(network, beats), whole)
    some = np.array([8999, 3, 4500])
    np.testing.assert_array_equal(predict(network, beats, some), whole[some])
    after = network.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


def test_scores_that_are_not_finite_are_no_classes(easy_beats: MakeBeats) -> None:
    beats = easy_beats(0, 200)
    network = trained(beats, "beatnet", RECIPE, seed=0)
    assert set(called(network, beats)) <= set(range(len(CLASSES)))
    variance = next(b for name, b in network.named_buffers() if name.endswith("running_var"))
    variance[0] = -1.0
    with pytest.raises(UserError, match="scores are NaN or infinite"):
        called(network, beats)


def test_rare_classes_weigh_more() -> None:
    assert class_weights(3.0).tolist() == [1.0, 3.0, 1.0, 3.0, 1.0]


def test_rare_weight_moves_the_decision_towards_rare_classes(easy_beats: MakeBeats) -> None:
    rng = np.random.default_rng(0)
    beats = easy_beats(0, 800)
    early = beats.rows.shape[1] - beats.context_features + 1
    beats.rows[:, early] += 2 * rng.standard_normal(800).astype(np.float32)
    found = [
        (called(trained(beats, "beatnet", Recipe(4, 64, 3e-3, weight), 0), beats) == S).sum()
        for weight in (0.3, 10.0)
    ]
    assert found[1] > found[0] + 50
