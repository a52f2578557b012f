"""Training learns what there is to learn, and the seed decides all of it."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from crossscale_data.classifier_inputs import BeatInputs
from crossscale_data.labels import CLASSES
from crossscale_data.rr_context import CONTEXT_FEATURES
from module1_locality.classifier_training import class_weights, predict, train_classifier
from module1_locality.train_config import Recipe

N, S, V = (CLASSES.index(name) for name in "NSV")
RECIPE = Recipe(epochs=8, batch_size=32, learning_rate=3e-3)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def easy_beats(seed: int, beats: int = 600) -> BeatInputs:
    """S comes early with N's shape; V has another shape."""
    rng = np.random.default_rng(seed)
    label = rng.choice([N, S, V], beats).astype(np.uint8)
    waveform = 0.1 * rng.standard_normal((beats, 2, 108))
    waveform += np.where(label == V, -1.0, 1.0)[:, None, None] * np.hanning(108)
    context = 0.1 * rng.standard_normal((beats, CONTEXT_FEATURES))
    context[:, 1] -= np.where(label == S, 2.0, 0.0)
    return BeatInputs(
        waveform.astype(np.float32),
        context.astype(np.float32),
        label,
        np.full(beats, 101, np.int16),
    )


def test_what_can_be_learnt_is_learnt() -> None:
    network = train_classifier(easy_beats(0), "beatnet", RECIPE, seed=0, title="")
    unseen = easy_beats(1)
    assert (predict(network, unseen) == unseen.label).mean() > 0.97


def test_a_seed_gives_the_same_network_again_and_another_seed_another() -> None:
    beats = easy_beats(0, 200)
    first, again, other = (
        torch.nn.utils.parameters_to_vector(
            train_classifier(beats, "beatnet", RECIPE, seed, "").parameters()
        )
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_fewer_beats_than_a_batch_are_one_batch() -> None:
    beats = easy_beats(0, 20)
    network = train_classifier(beats, "tinyecg", RECIPE, seed=0, title="")
    assert predict(network, beats).shape == (20,)


def test_predicting_is_by_batch_and_leaves_the_network_alone() -> None:
    beats = easy_beats(0, 9000)
    network = train_classifier(easy_beats(0, 100), "beatnet", RECIPE, seed=0, title="")
    before = [p.clone() for p in network.state_dict().values()]
    whole = predict(network, beats)
    assert whole.shape == (9000,)
    np.testing.assert_array_equal(predict(network, beats), whole)
    after = network.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


def test_rare_classes_weigh_more() -> None:
    assert class_weights(3.0).tolist() == [1.0, 3.0, 1.0, 3.0, 1.0]


def test_rare_weight_moves_the_decision_towards_rare_classes() -> None:
    rng = np.random.default_rng(0)
    beats = easy_beats(0, 800)
    hazy = beats.context.copy()
    hazy[:, 1] += 2 * rng.standard_normal(800).astype(np.float32)
    hazy_beats = BeatInputs(beats.waveform, hazy, beats.label, beats.record)
    called = [
        (
            predict(
                train_classifier(hazy_beats, "beatnet", Recipe(4, 64, 3e-3, weight), 0, ""),
                hazy_beats,
            )
            == S
        ).sum()
        for weight in (0.3, 10.0)
    ]
    assert called[1] > called[0] + 50
