"""A captured step trains as the eager one does; what was tried out before it leaves no trace."""

from collections.abc import Callable

import pytest
import torch

from module1_locality.lanes import AcceleratorLane, Batch, HostLane, Lane, find_lane
from module1_locality.rungs import LADDER, RUNGS, control_of, usual_of
from module1_locality.training_step import CapturedStep, TrainingStep, why_not_captured

SHAPE = 16, 1, 40
STEPS = 6


def batches(device: torch.device) -> list[Batch]:
    torch.manual_seed(1)
    return [
        (torch.randn(SHAPE).to(device), torch.randint(0, 5, SHAPE[:1]).to(device))
        for _ in range(STEPS)
    ]


def losses(train: TrainingStep, lane: Lane) -> list[float]:
    for batch in batches(lane.device):
        train(batch)
    return train.losses()


def test_what_is_tried_before_the_recording_leaves_no_trace() -> None:
    lane, runs = HostLane(), []

    def record(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
        runs.append(device)
        return work  # runs it each time, as a graph would

    captured = losses(CapturedStep(3, lane, SHAPE, record), lane)
    assert captured == losses(TrainingStep(3, lane), lane)
    assert len(set(captured)) == STEPS
    assert runs == [lane.device]


def test_a_step_reads_the_batch_it_is_given_and_not_one_before() -> None:
    lane = HostLane()
    train = CapturedStep(3, lane, SHAPE, lambda work, device: work)
    first, *_ = batches(lane.device)
    train(first)
    once = train.losses()[0]
    first[0].fill_(float("nan"))  # the batch is the feed's again: its memory may be overwritten
    assert train.losses() == [once]


@pytest.mark.skipif(
    not isinstance(find_lane("auto"), AcceleratorLane)
    or why_not_captured(find_lane("auto").device) is not None,
    reason="no accelerator whose steps can be captured",
)
def test_a_graph_trains_as_the_eager_step_does() -> None:
    lane = find_lane("auto")
    eager = losses(TrainingStep(3, lane), lane)
    assert losses(CapturedStep(3, lane, SHAPE), lane) == pytest.approx(eager, rel=1e-3)
    assert abs(eager[-1] - eager[0]) > 1e-2 * eager[0]


def test_captured_rungs_have_their_own_control_and_their_own_usual() -> None:
    for rung in LADDER:
        assert control_of(rung).captured == usual_of(rung).captured == rung.captured
        assert control_of(rung).is_control
        assert (control_of(rung) is rung) == rung.is_control
    assert control_of(RUNGS["A5"]).name == "C0"
    assert usual_of(RUNGS["A5-captured"]).name == "A0-captured"
