"""What `order_accuracy` is asked to do: its command line, and the orders of each profile."""

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

from typing_extensions import Doc

from crossscale_data.rr_context import RrReference
from crossscale_results import UserError
from module1_locality.classifier_splits import Protocol
from module1_locality.config import DataDir, Device, ResultsDir, Threads, is_as_it_comes
from module1_locality.epoch_orders import Order, OrderName
from module1_locality.train_config import Feeding, ModelName, Recipe, checked_threads

DEFAULT = Order("two-level", Feeding().block_windows, Feeding().buffer_blocks)  # A2 as it comes


@dataclass(frozen=True)
class Profile:
    """How much is trained."""

    orders: tuple[Order, ...]
    seeds: tuple[int, ...]
    epochs: int


PROFILES = {
    "quick": Profile((Order("global"), DEFAULT, Order("block-only", 512)), (0, 1, 2), epochs=2),
    "paper": Profile(
        (
            Order("global"),
            Order("pre-shuffled"),
            Order("unshuffled"),
            *(Order("block-only", block) for block in (16, 128, 1024)),
            *(Order("two-level", block, 16) for block in (16, 128, 1024)),
            *(Order("two-level", block, 64) for block in (16, 128)),
        ),
        (0, 1, 2, 3, 4),
        epochs=Recipe().epochs,
    ),
}


@dataclass(frozen=True)
class OrderAccuracy:
    """Train the suite's classifier in several orders, for as many epochs, and compare."""

    profile: Annotated[
        Literal["quick", "paper"],
        Doc("`quick`: three orders, three seeds, two minutes; `paper`: eleven, five, 20 minutes."),
    ] = "quick"
    protocol: Annotated[
        Protocol,
        Doc(
            "`test` trains on DS1 and scores DS2; `cross-validation` holds out each fold of DS1's "
            "patients in turn, and is what a block or buffer size may be chosen by."
        ),
    ] = "test"
    orders: Annotated[
        tuple[OrderName, ...] | None,
        Doc("Orders, in every block and buffer size given; the profile's if none."),
    ] = None
    block_windows: Annotated[
        tuple[int, ...], Doc("Beats in a block, where --orders are given.")
    ] = (DEFAULT.block_windows,)
    buffer_blocks: Annotated[
        tuple[int, ...], Doc("Blocks in a shuffle buffer, where --orders are given.")
    ] = (DEFAULT.buffer_blocks,)
    seeds: Annotated[tuple[int, ...] | None, Doc("Seeds; the profile's if none.")] = None
    epochs: Annotated[int | None, Doc("Passes over the training beats; the profile's if none.")] = (
        None
    )
    batch_size: Annotated[int, Doc("Beats in a batch.")] = Recipe().batch_size
    model: Annotated[ModelName, Doc("Classifier.")] = "beatnet"
    rr_reference: Annotated[RrReference, Doc("What RR intervals are compared with.")] = "record"
    resume: Annotated[
        bool, Doc("Go on with the last run in the results folder: only what it lacks is trained.")
    ] = False
    device: Device = "auto"
    data_dir: DataDir = None
    results_dir: ResultsDir = Path("results")
    threads: Threads = None


@dataclass(frozen=True)
class OrderPlan:
    """What is trained, once the profile is filled in."""

    profile: str  # `quick`, `paper`, or `custom` where anything of it was changed
    orders: tuple[Order, ...]
    seeds: tuple[int, ...]
    recipe: Recipe
    threads: int


def order_plan_of(config: OrderAccuracy) -> OrderPlan:
    """Fill in the profile and check the numbers.

    Raises:
        UserError: a number is out of its range, or there is nothing to train.
    """
    profile = PROFILES[config.profile]
    orders = profile.orders if config.orders is None else _orders(config)
    seeds = profile.seeds if config.seeds is None else config.seeds
    epochs = profile.epochs if config.epochs is None else config.epochs
    if not orders or not seeds:
        raise UserError("there is nothing to train: give at least one order and seed")
    positive = {
        "--epochs": epochs,
        "--batch-size": config.batch_size,
        "--block-windows": min(config.block_windows, default=0),
        "--buffer-blocks": min(config.buffer_blocks, default=0),
    }
    for option, value in positive.items():
        if value < 1:
            raise UserError(f"{option} is {value}: it must be at least 1")
    if min(seeds) < 0:
        raise UserError(f"--seeds holds {min(seeds)}: a seed must not be negative")
    places = ("device", "data_dir", "results_dir", "threads")
    as_it_comes = is_as_it_comes(config, "profile", "resume", *places)
    recipe = replace(Recipe(), epochs=epochs, batch_size=config.batch_size)
    name = config.profile if as_it_comes else "custom"
    return OrderPlan(name, orders, seeds, recipe, checked_threads(config.threads))


def _orders(config: OrderAccuracy) -> tuple[Order, ...]:
    """Every order that was asked for in every size that it has, once."""
    found: dict[Order, None] = {}
    for name, block, blocks in product(
        config.orders or (), config.block_windows, config.buffer_blocks
    ):
        if name == "two-level":
            found[Order(name, block, blocks)] = None
        elif name == "block-only":
            found[Order(name, block)] = None
        else:
            found[Order(name)] = None
    return tuple(found)
