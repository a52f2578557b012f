"""A trace read back, and the Gantt chart of the same spans."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossscale_results.errors import UserError
from crossscale_results.provenance import collect
from module3_mpi_gpu_overlap.gantt_figure import draw_gantt
from module3_mpi_gpu_overlap.timing import Timeline, rank_times
from module3_mpi_gpu_overlap.trace import (
    EXPOSED,
    IDLE,
    PREPARE,
    TRAIN,
    UNDER_WAY,
    Span,
    events,
    spans_of,
    spans_of_run,
    write_trace,
)

FIRST = Timeline(10.0, 10.3, 10.5, ((10.3, 10.31), (10.4, 10.5)), 0.09)
LAST = Timeline(10.0, 10.45, 10.52, ((10.45, 10.46), (10.5, 10.52)), 0.04)


def lengths(spans: list[Span], rank: int) -> dict[str, float]:
    names = {span.name for span in spans if span.rank == rank}
    return {
        n: sum(s.end_s - s.start_s for s in spans if (s.rank, s.name) == (rank, n)) for n in names
    }


def test_spans_add_up_to_the_times_of_the_rows() -> None:
    spans = spans_of([FIRST, LAST])
    for rank, times in enumerate(rank_times([FIRST, LAST])):
        found = lengths(spans, rank)
        assert found[TRAIN] == pytest.approx(times.train_s)
        assert found.get(IDLE, 0.0) == pytest.approx(times.blocked_idle_s)
        assert found[EXPOSED] == pytest.approx(times.exposed_communication_s)
        assert found[PREPARE] == pytest.approx(times.preparation_s)


def test_idle_ends_where_the_last_rank_arrives() -> None:
    spans = [span for span in spans_of([FIRST, LAST]) if span.rank == 0]
    assert max(s.end_s for s in spans if s.name == IDLE) == 10.45
    assert min(s.start_s for s in spans if s.name == EXPOSED) == 10.45
    assert not [s for s in spans_of([FIRST, LAST]) if s.rank == 1 and s.name == IDLE]


def test_a_wait_for_the_last_rounds_average_is_idle_until_all_had_sent() -> None:
    before = [FIRST, LAST]  # the last rank sent at 10.45
    late = Timeline(10.4, 10.7, 10.8, ((10.74, 10.75),), 0.05, delayed=((10.7, 10.74),))
    soon = Timeline(10.4, 10.42, 10.8, ((10.5, 10.51),), 0.29, delayed=((10.42, 10.5),))
    spans = spans_of([soon, late], 1, before)
    for rank, times in enumerate(rank_times([soon, late], before)):
        found = lengths(spans, rank)
        assert found.get(IDLE, 0.0) == pytest.approx(times.blocked_idle_s)
        assert found[EXPOSED] == pytest.approx(times.exposed_communication_s)
    assert lengths(spans, 0)[IDLE] == pytest.approx(0.04)  # 10.42 to 10.45, and its send


def test_a_run_shows_what_is_under_way_until_the_average_is_there() -> None:
    after = Timeline(10.6, 10.7, 10.8, ((10.74, 10.75),), 0.05, delayed=((10.7, 10.74),))
    spans = [span for span in spans_of_run([[FIRST], [after]], 5) if span.name == UNDER_WAY]
    assert [(s.round_index, s.start_s, s.end_s) for s in spans] == [
        (5, 10.3, 10.74),
        (6, 10.74, 10.8),
    ]


def test_a_trace_read_back_holds_every_span_of_every_rank(tmp_path: Path) -> None:
    spans = spans_of([FIRST, LAST], round_index=3)
    write_trace(tmp_path / "deep" / "trace.json", spans)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["trace.json"]
    trace = json.loads((tmp_path / "deep" / "trace.json").read_text())
    complete = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    read = {
        (e["pid"], e["name"], round(e["ts"] / 1e6 + 10, 9), round(e["dur"] / 1e6, 9))
        for e in complete
    }
    assert read == {
        (s.rank, s.name, round(s.start_s, 9), round(s.end_s - s.start_s, 9)) for s in spans
    }
    assert all(event["args"] == {"round": 3} for event in complete)
    names = {
        e["pid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "process_name"
    }
    assert names == {0: "rank 0", 1: "rank 1"}


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1))
def test_spans_of_one_lane_never_overlap(ranks: list[tuple[float, float, float]]) -> None:
    timelines = [
        Timeline(
            *(0.0, train, train + wait + work),
            ((train, train + wait / 2), (train + wait / 2 + work, train + wait + work)),
            work,
        )
        for train, wait, work in ranks
    ]
    lanes: dict[tuple[int, int], float] = {}
    for event in events(spans_of(timelines)):
        if event["ph"] == "X":
            lane = (event["pid"], event["tid"])
            assert event["ts"] >= lanes.get(lane, 0.0) - 1e-3
            lanes[lane] = event["ts"] + event["dur"]


def test_a_span_of_another_name_gets_a_lane_of_its_own() -> None:
    own = [*spans_of([FIRST]), Span(0, "evaluation", 10.2, 10.6)]
    found = list(events(own))
    lanes = {e["tid"]: e["args"]["name"] for e in found if e["name"] == "thread_name"}
    assert lanes == {0: "work", 1: "waits and copies", 2: "evaluation"}
    assert [e["tid"] for e in found if e["name"] == "evaluation"] == [2]


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one span"):
        write_trace(tmp_path / "trace.json", [])
    with pytest.raises(UserError, match="ends before it starts"):
        write_trace(tmp_path / "trace.json", [Span(0, TRAIN, 2.0, 1.0)])
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write_trace(tmp_path / "file" / "trace.json", spans_of([FIRST]))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_gantt_chart_is_drawn_the_same_each_time(tmp_path: Path) -> None:
    rows = pd.DataFrame([vars(collect("mitdb", "quick"))])
    spans = [*spans_of([FIRST, LAST]), Span(0, "evaluation", 10.52, 10.6)]
    first, second = (draw_gantt(spans, rows, tmp_path / name) for name in ("first", "second"))
    assert [path.name for path in first] == ["module3_gantt.png", "module3_gantt.pdf"]
    for left, right in zip(first, second, strict=True):
        assert left.read_bytes() == right.read_bytes()
    with pytest.raises(UserError, match="at least one span"):
        draw_gantt([], rows, tmp_path)
