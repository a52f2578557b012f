"""What the module's times mean; every other file uses these words in this sense.

- *Round*: from the first local step to the moment when the averaged model and the next round's
  batches are there. A round's time is the **maximum over the ranks**.
- *Arrival*: when a rank has finished its local steps and enters the averaging.
- *Straggler idle* of a rank: last arrival - own arrival. *Blocked idle* is the part of it that the
  rank spent in waits and copies; beside non-blocking collectives the rest did useful work.
- *Exposed communication* of a rank: its time blocked in waits and copies **after the last rank
  arrived**. What was hidden behind useful work is not in it.
- *Communication*: the same averaging measured **alone**: once for warm-up, then once between two
  barriers with nothing beside it; the maximum over the ranks.
- *Preparation*: drawing and gathering the next round's batches.
- *Samples per second*: beats trained on by all ranks over the time of the whole round.

So training + blocked idle + exposed communication + preparation make up a rank's round. Times are
MPI_Wtime; clocks are brought to rank 0's by `clock`, because arrivals are compared across ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timeline:
    """One rank's round, in seconds on rank 0's clock."""

    begin_s: float
    arrival_s: float
    end_s: float
    blocked: tuple[tuple[float, float], ...]  # (from, to) of waits and copies
    preparation_s: float


@dataclass(frozen=True)
class RankTimes:
    """One rank's round, split by what the time went to."""

    train_s: float
    straggler_idle_s: float
    blocked_idle_s: float
    exposed_communication_s: float
    preparation_s: float
    rank_round_s: float


def rank_times(timelines: Sequence[Timeline]) -> list[RankTimes]:
    """Each rank's times, given all ranks' timelines of one round."""
    last_arrival_s = max(timeline.arrival_s for timeline in timelines)
    return [_times(timeline, last_arrival_s) for timeline in timelines]


def round_s(timelines: Sequence[Timeline]) -> float:
    """The round's time: the slowest rank's."""
    return max(timeline.end_s - timeline.begin_s for timeline in timelines)


def _times(timeline: Timeline, last_arrival_s: float) -> RankTimes:
    blocked_s = sum(end - start for start, end in timeline.blocked)
    exposed_s = sum(max(0.0, end - max(start, last_arrival_s)) for start, end in timeline.blocked)
    return RankTimes(
        train_s=timeline.arrival_s - timeline.begin_s,
        straggler_idle_s=last_arrival_s - timeline.arrival_s,
        blocked_idle_s=blocked_s - exposed_s,
        exposed_communication_s=exposed_s,
        preparation_s=timeline.preparation_s,
        rank_round_s=timeline.end_s - timeline.begin_s,
    )
