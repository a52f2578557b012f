"""What the module's times mean; every other file uses these words in this sense.

- *Round*: from the first local step to the moment when the averaged model and the next round's
  batches are there. A round's time is the **maximum over the ranks**.
- *Arrival*: when a rank has finished its local steps and enters the averaging.
- *Straggler idle* of a rank: last arrival - own arrival. *Blocked idle* is the part of it that the
  rank spent in waits and copies; beside non-blocking collectives the rest did useful work.
- *Exposed communication* of a rank: its time blocked in waits and copies **after the last rank
  arrived**. What was hidden behind useful work is not in it. In `G3` a rank waits, after the local
  steps of round r + 1, for the average of round r: what counts there is when the last rank *sent*
  its part of round r, and what a rank is blocked before that is blocked idle, though of another
  round's stragglers. The last round of a run also waits for its own average.
- *Communication*: the same averaging measured **alone**: before the first round, once for warm-up,
  then the median of five between two barriers with nothing beside it; the maximum over the ranks.
- *Preparation*: drawing and gathering the next round's batches.
- *Samples per second*: beats trained on by all ranks over the time of the whole round.

So training + blocked idle + exposed communication + preparation make up a rank's round. Times are
MPI_Wtime; clocks are brought to rank 0's by `clock`, because arrivals are compared across ranks.
Before a round of G0 to G2 the ranks meet at a barrier, which is in nobody's time; those of G3 run
on from round to round, so there a rank's idle can hold what it was ahead before.
"""

import math
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
    delayed: tuple[
        tuple[float, float], ...
    ] = ()  # (from, to) of waits for the last round's average

    @property
    def sent_s(self) -> float:
        """When this rank's part of the average began to be sent."""
        return self.blocked[0][0]


@dataclass(frozen=True)
class RankTimes:
    """One rank's round, split by what the time went to."""

    train_s: float
    straggler_idle_s: float
    blocked_idle_s: float
    exposed_communication_s: float
    preparation_s: float
    rank_round_s: float


def rank_times(timelines: Sequence[Timeline], before: Sequence[Timeline] = ()) -> list[RankTimes]:
    """Each rank's times, given all ranks' timelines of one round, and of the one before it.

    Where nothing is known of the one before, a wait for its average counts as exposed.
    """
    last_arrival_s = max(timeline.arrival_s for timeline in timelines)
    last_sent_s = max((timeline.sent_s for timeline in before), default=-math.inf)
    return [_times(timeline, last_arrival_s, last_sent_s) for timeline in timelines]


def round_s(timelines: Sequence[Timeline]) -> float:
    """The round's time: the slowest rank's."""
    return max(timeline.end_s - timeline.begin_s for timeline in timelines)


def _times(timeline: Timeline, last_arrival_s: float, last_sent_s: float) -> RankTimes:
    waits = [(*wait, last_arrival_s) for wait in timeline.blocked]
    waits += [(*wait, last_sent_s) for wait in timeline.delayed]
    blocked_s = sum(end - start for start, end, _ in waits)
    exposed_s = sum(max(0.0, end - max(start, last)) for start, end, last in waits)
    return RankTimes(
        train_s=timeline.arrival_s - timeline.begin_s,
        straggler_idle_s=last_arrival_s - timeline.arrival_s,
        blocked_idle_s=blocked_s - exposed_s,
        exposed_communication_s=exposed_s,
        preparation_s=timeline.preparation_s,
        rank_round_s=timeline.end_s - timeline.begin_s,
    )
