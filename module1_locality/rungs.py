"""The ladder: eight ways to feed the same training step, each one change away from the one before.

A rung is a value, not a class: `feed.open_feed` reads its fields. Its name is what the command line
takes, what the CSV holds, and what README.md explains.
"""

from dataclasses import dataclass
from typing import Literal

RungName = Literal["A0", "A0-workers", "A1", "A2", "A3", "A4", "A5", "C0"]


@dataclass(frozen=True)
class Rung:
    """One way to feed the training step."""

    name: RungName
    title: str
    follows: RungName | None  # the rung it differs from by one thing
    change: str  # that one thing; what it is, if it follows none
    order: Literal["random", "contiguous"] = "random"
    gather: Literal["window", "batch", "once"] = "batch"
    in_workers: bool = False  # batches are made in worker processes
    ring: bool = False  # batches are made in reused staging buffers, page-locked for an accelerator
    side_stream: bool = False  # copies run beside compute, guarded by events
    filler: bool = False  # batches are made by a background thread, some ahead


LADDER = (
    Rung("A0", "random gather", None, "what most scripts do", gather="window"),
    Rung(
        "A0-workers",
        "random gather in workers",
        "A0",
        "batches are made in worker processes",
        gather="window",
        in_workers=True,
    ),
    Rung("A1", "batched gather", "A0", "one vectorised gather a batch"),
    Rung("A2", "contiguous", "A1", "the shard is read in sequential runs", order="contiguous"),
    Rung(
        "A3",
        "staging ring",
        "A2",
        "batches are made in reused, page-locked buffers",
        order="contiguous",
        ring=True,
    ),
    Rung(
        "A4",
        "side stream",
        "A3",
        "copies do not block, and run beside compute",
        order="contiguous",
        ring=True,
        side_stream=True,
    ),
    Rung(
        "A5",
        "prefetch",
        "A4",
        "a background thread makes batches ahead",
        order="contiguous",
        ring=True,
        side_stream=True,
        filler=True,
    ),
    Rung(
        "C0", "compute only", None, "the control: one resident batch over and over", gather="once"
    ),
)
RUNGS: dict[str, Rung] = {rung.name: rung for rung in LADDER}
CONTROL = RUNGS["C0"]


def describe(rung: Rung) -> str:
    """A rung in one line."""
    after = f"{rung.follows}, but " if rung.follows else ""
    return f"{rung.name:<10} {rung.title}: {after}{rung.change}"


def why_not(rung: Rung, has_accelerator: bool) -> str | None:
    """Why a rung cannot be measured on this machine; None if it can.

    Without an accelerator nothing is copied, so that A4 would be A3 under another name. A3 keeps
    its reused buffers and A5 its thread, which mean something on a CPU too.
    """
    if rung.side_stream and not rung.filler and not has_accelerator:
        return "no accelerator: there is no copy to take out of the way"
    return None
