"""Which patients a classifier is trained on, and which it is scored on."""

from dataclasses import dataclass
from typing import Literal

from crossscale_data.records import DS1, DS2, FOLDS

Protocol = Literal["test", "cross-validation"]


@dataclass(frozen=True)
class Split:
    """Records of one training; no subject of DS1's folds is on both sides."""

    name: str  # in file names
    seen: tuple[int, ...]
    held_out: tuple[int, ...]


def splits_of(protocol: Protocol) -> tuple[Split, ...]:
    """DS1 and DS2, or each fold of DS1 held out in turn."""
    if protocol == "test":
        return (Split("DS1", DS1, DS2),)
    return tuple(
        Split(f"fold{i}", tuple(record for record in DS1 if record not in fold), fold)
        for i, fold in enumerate(FOLDS)
    )
