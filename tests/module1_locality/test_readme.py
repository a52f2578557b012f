"""The README explains every rung, and its options exist."""

import re
from dataclasses import fields
from pathlib import Path

from module1_locality.config import Bench
from module1_locality.order_config import OrderAccuracy
from module1_locality.peers.config import Peers
from module1_locality.rungs import LADDER
from module1_locality.scale.config import Scale
from module1_locality.train_config import Feeding, Train

README = (Path(__file__).parents[2] / "module1_locality" / "README.md").read_text()


def test_every_rung_has_one_paragraph_in_the_ladders_order() -> None:
    headed = re.findall(r"^\*\*([ACX][-\d]\S*), ([^*]+)\.\*\*", README, re.MULTILINE)
    assert headed == [(rung.name, rung.title) for rung in LADDER]


def test_every_option_it_names_exists() -> None:
    configs = (Bench, Train, Feeding, OrderAccuracy, Peers, Scale)
    names = {field.name for config in configs for field in fields(config)}
    options = set(re.findall(r"--([a-z][a-z-]*)", README))
    assert options
    assert {option.removeprefix("no-").replace("-", "_") for option in options} <= names
