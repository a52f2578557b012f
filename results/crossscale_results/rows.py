"""One row before it is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """A raw sample: what was run, what was measured, and why anything else was not.

    `config` and `measurement` are instances of the table's two dataclasses. Every measurement that
    is None has its reason in `not_measured`, by column name.
    """

    config: Any
    measurement: Any
    seed: int
    repeat: int
    not_measured: Mapping[str, str] = field(default_factory=dict)
