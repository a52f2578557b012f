"""A profile filled in, orders in every size that they have, and what is refused."""

import pytest

from crossscale_results import UserError
from module1_locality.epoch_orders import Order
from module1_locality.order_config import DEFAULT, PROFILES, OrderAccuracy, order_plan_of
from module1_locality.train_config import Feeding, Recipe


def test_the_paper_profile_trains_the_recipe_and_sweeps_block_and_buffer() -> None:
    plan = order_plan_of(OrderAccuracy(profile="paper"))
    assert plan.profile == "paper"
    assert plan.recipe == Recipe()
    assert plan.seeds == (0, 1, 2, 3, 4)
    buffers_of: dict[int, set[int]] = {}
    for order in plan.orders:
        if order.block_windows:
            buffers_of.setdefault(order.block_windows, set()).add(order.buffer_blocks)
    assert len(buffers_of) >= 3
    assert all({0, DEFAULT.buffer_blocks} <= buffers for buffers in buffers_of.values())
    assert len(buffers_of[DEFAULT.block_windows]) >= 3
    assert len(set(plan.orders)) == len(plan.orders)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_both_sides_of_the_verdict(profile: str) -> None:
    assert Order("global") in PROFILES[profile].orders
    assert DEFAULT in PROFILES[profile].orders
    assert len(PROFILES[profile].seeds) >= 2


def test_the_default_is_what_train_feeds_by() -> None:
    feeding = Feeding()
    assert Order("two-level", feeding.block_windows, feeding.buffer_blocks) == DEFAULT


def test_orders_come_in_every_size_they_have_once() -> None:
    plan = order_plan_of(
        OrderAccuracy(
            orders=("global", "block-only", "two-level"),
            block_windows=(8, 16),
            buffer_blocks=(2, 4),
        )
    )
    assert plan.profile == "custom"
    assert set(plan.orders) == {
        Order("global"),
        *(Order("block-only", block) for block in (8, 16)),
        *(Order("two-level", block, blocks) for block in (8, 16) for blocks in (2, 4)),
    }
    assert len(plan.orders) == 7


@pytest.mark.parametrize("changed", [{"seeds": (1, 2)}, {"epochs": 1}, {"batch_size": 64}])
def test_what_differs_from_a_profile_is_custom(changed: dict[str, object]) -> None:
    config = OrderAccuracy(**changed)  # type: ignore[arg-type]
    assert order_plan_of(config).profile == "custom"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"orders": ()}, "nothing to train"),
        ({"seeds": ()}, "nothing to train"),
        ({"seeds": (-1,)}, "--seeds holds -1"),
        ({"epochs": 0}, "--epochs is 0"),
        ({"batch_size": 0}, "--batch-size is 0"),
        ({"block_windows": (8, 0)}, "--block-windows is 0"),
        ({"buffer_blocks": ()}, "--buffer-blocks is 0"),
        ({"threads": 10_000}, "--threads is 10000"),
    ],
)
def test_mistakes_are_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        order_plan_of(OrderAccuracy(**options))  # type: ignore[arg-type]
