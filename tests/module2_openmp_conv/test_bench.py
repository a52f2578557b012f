"""The bench writes a valid row for every contestant, cell and repeat, and times nobody wrong."""

import itertools
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crossscale_results import UserError, read_table
from module2_openmp_conv import dry_run, measure, peers, probes
from module2_openmp_conv.bench import bench
from module2_openmp_conv.columns import CONVOLUTION_TABLE, MACHINE_TABLE
from module2_openmp_conv.config import Bench
from module2_openmp_conv.dry_run import contestants_of, render_plan
from module2_openmp_conv.extension import supported_isas
from module2_openmp_conv.grid import Cell
from module2_openmp_conv.measure import Entrant, entrants, rows_of_cell
from module2_openmp_conv.plan import PROBE_REPEATS, plan_of
from module2_openmp_conv.probes import memory_array_bytes, probes_of
from module2_openmp_conv.problem import Problem, problem_of
from module2_openmp_conv.roofline import cell_of
from module2_openmp_conv.speedup import CELL

EVERYONE = {
    "forward": {
        "torch",
        "torch_out",
        "torch_channels_last",
        "torch_unfold",
        "torch_malloc",
        "torch_malloc_channels_last",
        "crossscale",
        "crossscale_out",
        "crossscale_fresh",
        "naive",
    },
    "forward_with_grad": {"torch", "torch_malloc", "crossscale"},
    "input_gradient": {
        "torch",
        "torch_channels_last",
        "torch_transposed",
        "torch_flipped",
        "torch_malloc",
        "torch_malloc_channels_last",
        "crossscale",
    },
    "weight_gradient": {
        "torch",
        "torch_channels_last",
        "torch_malloc",
        "torch_malloc_channels_last",
        "crossscale",
    },
    "training_step": {
        "torch",
        "torch_channels_last",
        "torch_malloc",
        "torch_malloc_channels_last",
        "crossscale",
    },
}
WITH_ONEDNN = {"torch_packed", "torch_blocked", "torch_malloc_packed", "torch_malloc_blocked"}


def small_problem(cell: Cell) -> Problem:
    return problem_of(cell, torch.randn(50, 500), seed=0)


def test_every_contestant_has_every_row(results_dir: Path, cells: tuple[Cell, ...]) -> None:
    frame = read_table(CONVOLUTION_TABLE, results_dir)
    found = set()
    for values, rows in frame.groupby(CELL):
        cell = cell_of(dict(zip(CELL, values, strict=True)))
        found.add(replace(cell, threads=None))
        expected = set(EVERYONE[cell.operation])
        if cell.operation == "forward":
            expected |= {"taps_loop"}
            expected |= {"torch_shifted"} if cell.in_channels == cell.out_channels == 1 else set()
            expected |= {"torch_fft"} if cell.in_channels > 1 else set()
        expected |= {"crossscale_direct"} if cell.kernel_width == 15 else set()
        if cell.operation != "forward_with_grad" and max(cell.in_channels, cell.out_channels) > 1:
            last = {"crossscale_channels_last", "crossscale_channels_last_out"}
            expected |= last if cell.operation == "forward" else {"crossscale_channels_last"}
        assert set(rows["contestant"]) - WITH_ONEDNN == expected
        assert all(sorted(part["repeat"]) == [0, 1] for _, part in rows.groupby("contestant"))
    assert found == set(cells)
    assert (frame["call_us"] > 0).all()
    assert (frame["max_error_ratio"] < 1e-5).all()
    assert (frame["profile"] == "custom").all()
    assert (frame["threads"] == 1).all()
    assert (frame.loc[frame["cache"] == "cold", "calls_count"] == 1).all()


def test_the_machine_is_probed_in_the_same_run(results_dir: Path) -> None:
    machine = read_table(MACHINE_TABLE, results_dir)
    assert set(machine["run_id"]) == set(read_table(CONVOLUTION_TABLE, results_dir)["run_id"])
    assert set(machine["isa"]) == {"none", *supported_isas()}


def test_each_repeat_of_a_cell_has_the_peak_beside_it(results_dir: Path) -> None:
    frame = read_table(CONVOLUTION_TABLE, results_dir)
    peaks = frame.groupby([*CELL, "repeat"])["peak_gflop_per_s"]
    assert (peaks.nunique() == 1).all()
    assert (peaks.first() > 0).all()
    assert peaks.first().nunique() > 1  # measured again each time


def test_rates_follow_from_time(results_dir: Path) -> None:
    frame = read_table(CONVOLUTION_TABLE, results_dir)
    row = frame[frame["in_channels"] == 3].iloc[0]
    assert row["convolved_gflop_per_s"] * row["call_us"] == pytest.approx(2e-3 * 2 * 4 * 500 * 15)
    values = 2 * 3 * 500 + 2 * 4 * 500 + 4 * 15 + 4
    assert row["moved_gb_per_s"] * row["call_us"] == pytest.approx(4e-3 * values)


def test_contestants_take_turns_and_wait_where_threads_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = small_problem(Cell(2, 1, 1, 3))
    taking_part = entrants(problem, seed=0)
    other = replace(taking_part["torch"], pool="another")
    pauses: list[float] = []
    monkeypatch.setattr(measure.time, "sleep", pauses.append)
    rows = list(rows_of_cell(problem, {**taking_part, "other": other}, 3, 0.1, seed=0))
    assert [row.repeat for row in rows] == sorted(row.repeat for row in rows)
    names = [row.config.contestant for row in rows]
    third = len(names) // 3
    turns = [names[:third], names[third : 2 * third], names[2 * third :]]
    assert all(set(turn) == {*taking_part, "other"} for turn in turns)
    assert turns[0] != turns[1]  # in another order each time
    assert all("other" in (turn[0], turn[-1]) for turn in turns)  # a pool's turns are in a row
    # Everyone is tried first, `other` last; each repeat begins with the peak, on torch's threads.
    pools = ["none yet", "here", "other"]
    pools += [pool for turn in turns for pool in ("here", *turn)]
    changes = sum((a == "other") != (b == "other") for a, b in itertools.pairwise(pools))
    assert len(pauses) == changes + 1  # and one for the very first


def test_a_wrong_contestant_is_not_timed() -> None:
    problem = small_problem(Cell(2, 1, 1, 3))
    right = entrants(problem, seed=0)["torch"]
    (result,) = right.result()

    def refuse(_: float) -> int:
        raise AssertionError("timed")

    cheat = Entrant("openmp", lambda: (result * (1 + 1e-5),), refuse, right.call_s)
    with pytest.raises(UserError, match="cheat is wrong: off by"):
        list(rows_of_cell(problem, {"torch": right, "cheat": cheat}, 1, 0.1, seed=0))


@pytest.mark.parametrize(
    ("config", "option"),
    [
        (Bench(repeats=0), "--repeats"),
        (Bench(seed=-1), "--seed"),
        (Bench(threads=0), "--threads"),
        (Bench(threads=100_000), "--threads"),
        (Bench(slices="all"), "--slices"),
    ],
)
def test_bad_options_are_named(config: Bench, option: str) -> None:
    with pytest.raises(UserError, match=option):
        bench(config)


def test_command_line_tells_errors_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "module2_openmp_conv.bench", "--data-dir", str(tmp_path / "none")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no folder")
    assert len(done.stderr.splitlines()) == 1


def test_the_plan_is_what_was_run(
    results_dir: Path,
    cells: tuple[Cell, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(probes, "_TIMES_CACHE", 0.1)
    asked = Bench(results_dir=results_dir, repeats=2, threads=1, dry_run=True)
    plan = plan_of(asked, 1, cells)
    frame = read_table(CONVOLUTION_TABLE, results_dir)
    run = {
        cell_of(dict(zip(CELL, values, strict=True))): set(rows["contestant"])
        for values, rows in frame.groupby(CELL)
    }
    assert {cell: set(contestants_of(cell, plan, 0)) for cell in plan.cells} == run
    machine = read_table(MACHINE_TABLE, results_dir)
    probed = Counter(zip(machine["probe"], machine["isa"], machine["threads"], strict=True))
    planned = probes_of(plan.probed_threads, memory_array_bytes()[0])
    assert probed == {
        key: 2 * PROBE_REPEATS * count
        for key, count in Counter((p.probe, p.isa, p.threads) for p in planned).items()
    }
    bench(asked, cells)
    screen = capsys.readouterr().out
    assert f"{results_dir}/module2_convolution.csv: {len(frame)} rows" in screen
    assert f"{results_dir}/module2_machine.csv: {len(machine)} rows" in screen
    assert "uses no accelerator" in screen
    assert len(read_table(CONVOLUTION_TABLE, results_dir)) == len(frame)


def test_a_plan_has_the_peers_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "absent_peers", lambda: {"onnxruntime": "not installed"})
    monkeypatch.setattr(peers, "absent_peers", lambda: {"onnxruntime": "not installed"})
    config = Bench(profile="paper", slices="latency,overhead", threads=1)
    screen = render_plan(config, plan_of(config, 1))
    assert "not measured: onnxruntime: not installed" in screen
    taking_part = [line for line in screen.splitlines() if ": torch " in line]
    assert len(taking_part) == 3 + 2
    for line in taking_part:
        assert ("torch_compile" in line) == line.startswith("forward, ")
        assert "onnxruntime" not in line
