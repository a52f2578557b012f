"""A profile filled in, and what of a command line is refused."""

import pytest

from crossscale_results import UserError
from crossscale_results.provenance import usable_cores
from module1_locality.train_config import Feeding, Recipe, Train, Variant, plan_of


def test_a_profile_by_itself_keeps_its_name() -> None:
    plan = plan_of(Train(profile="paper"))
    assert plan.profile == "paper"
    assert plan.seeds == (0, 1, 2, 3, 4)
    assert Variant("beatnet", "causal") in plan.variants
    assert plan.threads == usable_cores()


@pytest.mark.parametrize(
    "config",
    [
        Train(seeds=(7,)),
        Train(models=("tinyecg",)),
        Train(recipe=Recipe(epochs=1)),
        Train(protocol="cross-validation"),
        Train(feeding=Feeding(rung="A0")),
    ],
)
def test_what_differs_from_a_profile_is_custom(config: Train) -> None:
    assert plan_of(config).profile == "custom"


def test_models_and_references_are_combined() -> None:
    plan = plan_of(Train(models=("beatnet", "tinyecg"), rr_references=("causal",)))
    assert plan.variants == (Variant("beatnet", "causal"), Variant("tinyecg", "causal"))
    assert plan_of(Train(models=("tinyecg",))).variants == (Variant("tinyecg", "record"),)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Train(recipe=Recipe(epochs=0)), "--recipe.epochs is 0"),
        (Train(recipe=Recipe(learning_rate=float("nan"))), "--recipe.learning-rate is nan"),
        (Train(recipe=Recipe(rare_weight=-1)), "--recipe.rare-weight is -1"),
        (Train(seeds=(1, -2)), "--seeds holds -2"),
        (Train(seeds=()), "nothing to train"),
        (Train(models=()), "nothing to train"),
        (Train(feeding=Feeding(block_windows=0)), "--block-windows is 0"),
        (Train(feeding=Feeding(buffer_blocks=-1)), "--buffer-blocks is -1"),
        (Train(feeding=Feeding(workers=0)), "--workers is 0"),
        (Train(feeding=Feeding(depth=1)), "--depth is 1"),
        (Train(resume=True), "--resume needs --checkpoint"),
        (Train(threads=0), "--threads is 0"),
        (Train(threads=10_000), "--threads is 10000"),
    ],
)
def test_mistakes_are_told(config: Train, message: str) -> None:
    with pytest.raises(UserError, match=message):
        plan_of(config)
