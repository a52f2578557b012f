"""The ladder: ways to feed the same training step, each one change away from another.

A rung is a value, not a class: `feed.open_feed` reads its fields. Its name is what the command line
takes, what the CSV holds, and what README.md explains. `A5` without its filler is `A4`. A new rung
is one more `add` (docs/adding.md).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal


@dataclass(frozen=True)
class Rung:
    """One way to feed the training step."""

    name: str
    title: str
    change: str  # the one thing it differs by from `follows`; what it is, if it follows none
    follows: str | None = None
    order: Literal["random", "contiguous", "blocks", "preshuffled"] = "random"
    gather: Literal["window", "batch", "native", "once"] = "window"
    store: Literal["shard", "int16", "huge pages", "int16 in huge pages", "device"] = "shard"
    in_workers: bool = False  # batches are made in worker processes
    ring: bool = False  # batches are made in reused staging buffers, page-locked for an accelerator
    side_stream: bool = False  # copies run beside compute, guarded by events
    filler: Literal["python", "native"] | None = None  # what thread makes batches, some ahead
    pinned_in_loop: bool = False  # every batch is copied to new page-locked memory first
    non_blocking: bool = False  # copies are asked not to block, from pageable memory
    captured: bool = False  # the step is replayed from a graph: one launch, not a hundred

    def but(self, name: str, title: str, change: str, **changed: Any) -> "Rung":
        """This rung with one thing changed."""
        return replace(self, name=name, title=title, change=change, follows=self.name, **changed)

    @property
    def is_control(self) -> bool:
        """Whether nothing is fed."""
        return self.gather == "once"


RUNGS: dict[str, Rung] = {}  # by name, in the ladder's order
CAPTURED = "-captured"  # how the names of rungs end whose step is replayed
STEPS = "", CAPTURED  # how the names of a rung before either kind of step end
LADDER = RUNGS.values()


def add(rung: Rung) -> Rung:
    """Put a rung at the ladder's end."""
    RUNGS[rung.name] = rung
    return rung


_A0 = add(Rung("A0", "random gather", "what most scripts do"))
add(
    _A0.but(
        "A0-workers",
        "random gather in workers",
        "batches are made in worker processes",
        in_workers=True,
    )
)
_A1 = add(_A0.but("A1", "batched gather", "one vectorised gather a batch", gather="batch"))
_A2 = add(
    _A1.but("A2", "contiguous", "runs of the shard are shuffled together", order="contiguous")
)
add(_A2.but("A2-blocks", "blocks only", "nothing is shuffled inside the runs", order="blocks"))
add(
    _A2.but(
        "A2-preshuffled",
        "pre-shuffled shard",
        "a shard shuffled once beforehand is read from end to end",
        order="preshuffled",
    )
)
_A3 = add(
    _A2.but("A3", "staging ring", "batches are made in reused, page-locked buffers", ring=True)
)
_A4 = add(
    _A3.but("A4", "side stream", "copies do not block, and run beside compute", side_stream=True)
)
_A5 = add(_A4.but("A5", "prefetch", "a background thread makes batches ahead", filler="python"))
add(_A5.but("A5-order", "A5 less order", "in A0's order", order="random"))
add(_A5.but("A5-ring", "A5 less ring", "in new, pageable memory each time", ring=False))
add(_A5.but("A5-stream", "A5 less side stream", "copies block", side_stream=False))
_A6_GATHER = add(_A5.but("A6-gather", "native gather", "rows are gathered in C++", gather="native"))
_A6_THREAD = add(
    _A6_GATHER.but(
        "A6-thread", "native thread", "the thread that makes batches is C++'s", filler="native"
    )
)
_A6_INT16 = add(
    _A6_GATHER.but(
        "A6-int16", "int16 samples", "half the bytes, made mV on the device", store="int16"
    )
)
add(
    _A6_GATHER.but(
        "A6-hugepages", "huge pages", "windows are read from huge pages", store="huge pages"
    )
)
add(
    _A6_INT16.but(
        "A6-both",
        "int16 in huge pages",
        "windows are read from huge pages",
        store="int16 in huge pages",
    )
)
_C0 = add(
    Rung("C0", "compute only", "the control: one resident batch over and over", gather="once")
)
_C1 = add(
    _A1.but(
        "C1",
        "resident dataset",
        "all windows are on the device, and gathered there",
        store="device",
    )
)
add(_A2.but("X-pin", "pinning in the loop", "pin_memory() of every batch", pinned_in_loop=True))
add(
    _A2.but(
        "X-nonblocking",
        "non-blocking from pageable memory",
        "non_blocking=True without page-locked memory",
        non_blocking=True,
    )
)

for _rung in (_A0, _A1, _A3, _A4, _A5, _A6_GATHER, _A6_THREAD, _C0, _C1):
    add(
        _rung.but(
            f"{_rung.name}{CAPTURED}",
            f"{_rung.title}, captured",
            "the step is replayed from a graph",
            captured=True,
        )
    )

CONTROL = RUNGS["C0"]


def control_of(rung: Rung) -> Rung:
    """The rung that computes the same and is fed nothing."""
    return RUNGS["C0" + CAPTURED] if rung.captured else CONTROL


def usual_of(rung: Rung) -> Rung:
    """The rung that computes the same and is fed as most scripts do."""
    return RUNGS["A0" + CAPTURED] if rung.captured else RUNGS["A0"]


if TYPE_CHECKING:
    RungName = str
else:
    RungName = Literal[tuple(RUNGS)]  # what the command line takes


def describe(rung: Rung) -> str:
    """A rung in one line."""
    after = f"{rung.follows}, but " if rung.follows else ""
    return f"{rung.name:<14} {rung.title}: {after}{rung.change}"


def why_not(rung: Rung, has_accelerator: bool) -> str | None:
    """Why a rung cannot be measured on this machine; None if it can.

    Without an accelerator nothing is copied, so that A4 would be A3 under another name, A5-stream
    A5, and X-pin and X-nonblocking A2. A3 keeps its reused buffers and A5 its thread, which mean
    something on a CPU too.
    """
    if has_accelerator:
        return None
    if rung.captured:
        return "no accelerator: a step is launched by running it"
    if rung.pinned_in_loop or rung.non_blocking:
        return "no accelerator: nothing is copied, and nothing can be page-locked for it"
    if rung.side_stream != (rung.filler is not None):
        return "no accelerator: there is no copy to take out of the way"
    return None
