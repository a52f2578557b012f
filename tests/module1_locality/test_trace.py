"""Traces: what Perfetto reads, and whole or not there."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from module1_locality.epoch import Epoch
from module1_locality.lanes import HostLane
from module1_locality.measure import Fragment, train_fragment
from module1_locality.rungs import RUNGS
from module1_locality.trace import trace_path, write_trace
from module1_locality.training_windows import TrainingWindows


@pytest.fixture
def fragment(make_epoch: Callable[..., Epoch], learnable_windows: TrainingWindows) -> Fragment:
    epoch = make_epoch(learnable_windows, batch_size=16, block_windows=16, buffer_blocks=4)
    return train_fragment(RUNGS["A5"], epoch, HostLane(), warmup_steps=2, steps=10)


def test_each_steps_spans_are_in_their_lane(fragment: Fragment, tmp_path: Path) -> None:
    path = trace_path(tmp_path, RUNGS["A5"])
    write_trace(path, RUNGS["A5"], 16, fragment)
    assert path.name == "module1_A5.json"
    events = json.loads(path.read_text())["traceEvents"]
    titles = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    spans = [event for event in events if event["ph"] == "X"]
    assert {titles[e["tid"]] for e in spans if e["name"] == "assembly"} == {"filler thread"}
    for name in ("wait", "compute"):
        found = [event for event in spans if event["name"] == name]
        assert len(found) == 10
        assert all(a["ts"] + a["dur"] <= b["ts"] for a, b in pairwise(found))
    assert min(event["ts"] for event in spans) == 0
    compute_us = sum(event["dur"] for event in spans if event["name"] == "compute")
    assert fragment.compute_ms == pytest.approx(compute_us / 10 / 1e3, rel=1e-3)


def test_an_unfinished_trace_is_not_left(
    fragment: Fragment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_trace(tmp_path / "trace.json", RUNGS["A5"], 16, fragment)
    assert list(tmp_path.iterdir()) == []
