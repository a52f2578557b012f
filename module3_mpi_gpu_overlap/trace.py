"""All ranks' rounds as one trace that Chrome and Perfetto open, from plain named spans.

Times are seconds on rank 0's clock. Format: Google's Trace Event Format, complete events (`ph: X`)
in microseconds; a rank is a process there, its training and its communication are two threads,
because spans of one thread must not overlap.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossscale_results.errors import UserError
from crossscale_results.whole_file import whole_file
from module3_mpi_gpu_overlap.timing import Timeline

TRAIN = "local training"
PREPARE = "preparing the next round"
IDLE = "idle: waiting for the last rank"
EXPOSED = "exposed communication"
UNDER_WAY = "the average is under way"
WORK, WAIT = "work", "waits and copies"
LANES = {TRAIN: WORK, PREPARE: WORK, IDLE: WAIT, EXPOSED: WAIT}


@dataclass(frozen=True)
class Span:
    """What one rank did from one moment to another."""

    rank: int
    name: str
    start_s: float
    end_s: float
    round_index: int = 0


def spans_of_run(rounds: Sequence[Sequence[Timeline]], first_round: int = 0) -> list[Span]:
    """All rounds' spans, from the timelines [round][rank], with what was sent beside them."""
    spans: list[Span] = []
    before: Sequence[Timeline] = ()
    for index, timelines in enumerate(rounds):
        spans += spans_of(timelines, first_round + index, before)
        after = rounds[index + 1] if index + 1 < len(rounds) else ()
        spans += _under_way(timelines, after, first_round + index)
        before = timelines
    return spans


def spans_of(
    timelines: Sequence[Timeline], round_index: int = 0, before: Sequence[Timeline] = ()
) -> list[Span]:
    """One round's spans, from all ranks' timelines of it and of the round before, rank by rank.

    A blocked span is cut where the last rank had arrived (or sent, for the last round's average):
    idle before it, exposed communication after, as in `timing`.
    """
    last_arrival_s = max(timeline.arrival_s for timeline in timelines)
    last_sent_s = max((timeline.sent_s for timeline in before), default=-math.inf)
    spans = []
    for rank, timeline in enumerate(timelines):
        parts = [(TRAIN, timeline.begin_s, timeline.arrival_s)]
        waits = [(*wait, last_arrival_s) for wait in timeline.blocked]
        waits += [(*wait, last_sent_s) for wait in timeline.delayed]
        for start_s, end_s, last_s in waits:
            cut_s = min(max(start_s, last_s), end_s)
            parts += [(IDLE, start_s, cut_s), (EXPOSED, cut_s, end_s)]
        parts += [(PREPARE, *between) for between in _unblocked(timeline)]
        spans += [Span(rank, name, a, b, round_index) for name, a, b in parts if b > a]
    return spans


def write_trace(path: Path, spans: Iterable[Span]) -> None:
    """Write the trace, whole or not at all.

    Raises:
        UserError: no spans, one that ends before it starts, or a path that cannot be written.
    """
    trace = json.dumps({"traceEvents": list(events(spans)), "displayTimeUnit": "ms"}, indent=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as unfinished:
            unfinished.write_text(trace)
    except OSError as error:
        raise UserError(f"the trace {path} cannot be written: {error.strerror}") from error


def events(spans: Iterable[Span]) -> Iterator[dict[str, Any]]:
    """The trace's events, in order: names of ranks and lanes, then the spans.

    Raises:
        UserError: no spans, or one that ends before it starts.
    """
    ordered = sorted(spans, key=lambda span: (span.rank, span.start_s, span.end_s))
    if not ordered:
        raise UserError("a trace needs at least one span")
    zero_s = min(span.start_s for span in ordered)
    lanes = list(dict.fromkeys([WORK, WAIT, *(lane_of(span) for span in ordered)]))
    for rank in sorted({span.rank for span in ordered}):
        yield _named("process_name", rank, 0, f"rank {rank}")
        for thread, lane in enumerate(lanes):
            yield _named("thread_name", rank, thread, lane)
    for span in ordered:
        if span.end_s < span.start_s:
            raise UserError(f"the span {span.name!r} of rank {span.rank} ends before it starts")
        yield {
            "name": span.name,
            "ph": "X",
            "pid": span.rank,
            "tid": lanes.index(lane_of(span)),
            "ts": (span.start_s - zero_s) * 1e6,
            "dur": (span.end_s - span.start_s) * 1e6,
            "args": {"round": span.round_index},
        }


def lane_of(span: Span) -> str:
    """Which of a rank's lanes a span is drawn in; one that is not known gets its own."""
    return LANES.get(span.name, span.name)


def _under_way(
    timelines: Sequence[Timeline], after: Sequence[Timeline], round_index: int
) -> Iterator[Span]:
    """From where a rank sent its part to where it had the average."""
    for rank, timeline in enumerate(timelines):
        next_waits = after[rank].delayed if after else ()
        end_s = next_waits[-1][1] if next_waits else timeline.end_s
        yield Span(rank, UNDER_WAY, timeline.sent_s, end_s, round_index)


def _unblocked(timeline: Timeline) -> Iterator[tuple[float, float]]:
    """What lies between arrival and end and is not blocked: useful work."""
    at_s = timeline.arrival_s
    for start_s, end_s in sorted([*timeline.delayed, *timeline.blocked]):
        yield at_s, start_s
        at_s = max(at_s, end_s)
    yield at_s, timeline.end_s


def _named(what: str, rank: int, thread: int, name: str) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": rank, "tid": thread, "args": {"name": name}}
