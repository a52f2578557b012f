"""Bars: each from the rows it is about; met, missed with the cells that miss, or unmeasured."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from module2_openmp_conv.bar import Bar, render
from module2_openmp_conv.bars import Bars, bars, show
from module2_openmp_conv.grid import PAPER, Cell

Made = Callable[[dict[Cell, dict[str, float]]], pd.DataFrame]


def named(found: list[Bar], name: str, by: str = "geometric mean") -> Bar:
    (bar,) = [bar for bar in found if bar.name == name and bar.by == by]
    return bar


def test_the_papers_grid_is_over_the_best_of_torch_and_rewrites_apart(made_rows: Made) -> None:
    times = {
        cell: {"torch": 90.0, "torch_malloc": 40.0, "torch_shifted": 20.0, "crossscale": 5.0}
        for cell in PAPER
    }
    times[PAPER[0]] = {**times[PAPER[0]], "crossscale": 10.0}
    found = bars(made_rows(times), None)
    mean = named(found, "paper's grid")
    assert mean.mean == pytest.approx(8 / 2 ** (1 / 12))
    assert mean.verdict == "missed by 6 %"
    assert [name for name, _ in mean.missing] == ["1→1 k3 batch 64 (torch's best: torch_malloc)"]
    worst = named(found, "paper's grid", "worst cell")
    assert (worst.reached, worst.verdict) == (pytest.approx(4.0), "missed by 20 %")
    rewrites = next(bar for bar in found if bar.name == "  rewrites with torch included")
    assert rewrites.mean == pytest.approx(4 / 2 ** (1 / 12))
    assert rewrites.verdict == ""


def test_bandwidth_counts_only_where_it_binds(made_rows: Made, made_machine: pd.DataFrame) -> None:
    memory_bound, compute_bound = Cell(512, 1, 16, 3), Cell(512, 1, 16, 31)
    moved_us = memory_bound.moved_bytes / 10e3  # at 10 GB/s
    times = {
        memory_bound: {"torch": 3 * moved_us, "crossscale": moved_us, "crossscale_out": moved_us},
        compute_bound: {"torch": 1e6, "crossscale": 1e6, "crossscale_out": 1e6},
        Cell(1, 1, 16, 3): {"torch": 1e6, "crossscale": 1e6, "crossscale_out": 1e6},
    }
    found = bars(made_rows(times), made_machine)
    bandwidth = named(found, "1→16 with out=, of memory's bandwidth", "worst cell")
    assert bandwidth.cells == (("1→16 k3 batch 512", pytest.approx(1.0)),)
    assert bandwidth.verdict == "met"
    assert named(found, "1→16 over torch").cells == (("1→16 k3 batch 512", pytest.approx(3.0)),)


def test_tensors_in_a_cache_are_not_held_against_memory(
    made_rows: Made, made_machine: pd.DataFrame
) -> None:
    cached, in_memory = Cell(64, 1, 16, 3, length=180), Cell(512, 1, 16, 3)
    cached_us = cached.moved_bytes / 25e3  # at 25 GB/s, where memory has 10 and the cache 40
    slow_us = in_memory.moved_bytes / 5e3
    names = ("torch", "crossscale", "crossscale_out")
    times = {cached: dict.fromkeys(names, cached_us), in_memory: dict.fromkeys(names, slow_us)}
    found = bars(made_rows(times), made_machine)
    bandwidth = named(found, "1→16 with out=, of memory's bandwidth", "worst cell")
    assert bandwidth.cells == (("1→16 k3 batch 512", pytest.approx(0.5)),)
    counted = dict(named(found, "  of the binding bound, caches counted").cells)
    assert counted == pytest.approx({"1→16 k3 batch 64 L 180": 0.625, "1→16 k3 batch 512": 0.5})
    assert len(named(found, "1→16 over torch").cells) == 2
    found = bars(made_rows({cached: times[cached]}), made_machine)
    bandwidth = named(found, "1→16 with out=, of memory's bandwidth", "worst cell")
    assert (bandwidth.verdict, bandwidth.missing) == ("not measured", ())


def test_channels_last_is_told_below_each_bar_and_not_judged(
    made_rows: Made, made_machine: pd.DataFrame
) -> None:
    layer, first = Cell(64, 16, 16, 15), Cell(512, 1, 16, 3)
    least_us = 2e-3 * layer.multiply_adds / 80  # the rows' 80 GFLOP/s
    moved_us = first.moved_bytes / 10e3  # at 10 GB/s
    ours, last = "crossscale", "crossscale_channels_last"
    gradients = [replace(layer, operation=name) for name in ("input_gradient", "weight_gradient")]
    times = {
        first: {"torch": 3 * moved_us, ours: moved_us, last: 2 * moved_us, f"{last}_out": moved_us},
        layer: {"torch": 8 * least_us, ours: 4 * least_us, last: 2 * least_us},
        gradients[0]: {"torch": 30.0, ours: 20.0, last: 10.0},
        gradients[1]: {"torch": 30.0, ours: 20.0, last: 5.0},
    }
    found = bars(made_rows(times), made_machine)
    told = [i for i, bar in enumerate(found) if bar.name == "  with channels last"]
    assert {found[i].verdict for i in told if found[i].cells} == {""}
    above = {  # the bar that each stands below
        next(bar.name for bar in reversed(found[:i]) if not bar.name.startswith(" ")): found[i]
        for i in told
    }
    means = {name: bar.mean for name, bar in above.items() if bar.cells}
    assert means == pytest.approx(
        {
            "1→16 with out=, of memory's bandwidth": 1.0,
            "1→16 over torch": 1.5,
            "16→16 … 64→64, of the FMA peak": 0.5,
            "several channels, forward": (1.5 * 4) ** 0.5,
            "input_gradient": 3.0,
            "weight_gradient": 6.0,
        }
    )


def test_compute_bound_cells_are_held_against_the_peak_of_their_repeats(
    made_rows: Made, made_machine: pd.DataFrame
) -> None:
    cell = Cell(64, 16, 16, 15)
    least_us = 2e-3 * cell.multiply_adds / 80  # the rows' 80 GFLOP/s
    times = {
        cell: {"torch": 2 * least_us, "crossscale": least_us / 0.9},
        replace(cell, batch_size=8): {"torch": 1.0, "crossscale": 1e6},
        replace(cell, dilation=2): {"torch": 1.0, "crossscale": 1e6},
    }
    found = bars(made_rows(times), made_machine)
    bar = named(found, "16→16 … 64→64, of the FMA peak")
    assert bar.cells == (("16→16 k15 batch 64", pytest.approx(0.9)),)
    assert bar.verdict == "met"
    assert named(found, "  torch, of the same").mean == pytest.approx(0.5)
    # Of the machine's 100 GFLOP/s with AVX2, its best at any time.
    assert named(found, "  of the run's best burst").mean == pytest.approx(0.72)


def test_products_of_spectra_are_told_apart_from_the_taps(
    made_rows: Made, made_machine: pd.DataFrame
) -> None:
    wide, narrow = Cell(64, 16, 16, 31), Cell(64, 16, 16, 3)
    least_us = 2e-3 * wide.multiply_adds / 80  # the rows' 80 GFLOP/s
    times = {
        wide: {
            "torch": 4 * least_us,
            "crossscale": least_us / 2,
            "crossscale_out": least_us / 3,
            "crossscale_direct": least_us / 0.8,
        },
        narrow: {"torch": 40.0, "crossscale": 20.0},
    }
    times |= {replace(wide, operation="input_gradient"): times[wide]}
    found = bars(made_rows(times), made_machine)
    peak = dict(named(found, "16→16 … 64→64, of the FMA peak").cells)
    assert peak["16→16 k31 batch 64"] == pytest.approx(0.8)
    told = dict(named(found, "  spectra included, as if from taps").cells)
    assert told["16→16 k31 batch 64"] == pytest.approx(2.0)
    assert peak["16→16 k3 batch 64"] == told["16→16 k3 batch 64"]
    assert named(found, "several channels, forward").mean == pytest.approx((8 * 2) ** 0.5)
    taps = [bar.mean for bar in found if bar.name == "  from the taps alone" and bar.cells]
    assert taps == pytest.approx([(3.2 * 2) ** 0.5, 3.2])
    assert dict(named(found, "spectra over the taps, one pass").cells) == pytest.approx(
        {"16→16 k31 batch 64": 2.5, "16→16 k31 batch 64, input_gradient": 2.5}, abs=1e-9
    )


def test_no_cell_may_be_slower_than_torch_whatever_its_threads_and_caches(
    made_rows: Made,
) -> None:
    right = Cell(64, 16, 16, 5)
    times = {
        right: {"torch": 10.0, "torch_malloc": 1.0, "crossscale": 10.4},
        replace(right, threads=1): {"torch": 10.0, "crossscale": 12.5},
        replace(right, cache="cold", operation="weight_gradient"): {
            "torch": 10.0,
            "crossscale": 20.0,
        },
    }
    bar = named(bars(made_rows(times), None), "no cell slower than torch", "worst cell")
    assert bar.missing == (
        ("16→16 k5 batch 64, weight_gradient, cold", pytest.approx(0.5)),
        ("16→16 k5 batch 64, threads: 1", pytest.approx(0.8)),
    )


def test_gradients_steps_and_latency_have_bars_of_their_own(made_rows: Made) -> None:
    layer = Cell(64, 16, 16, 5)
    times = {
        replace(layer, operation="input_gradient"): {"torch": 30.0, "crossscale": 10.0},
        replace(layer, operation="weight_gradient"): {"torch": 12.0, "crossscale": 10.0},
        replace(layer, operation="training_step"): {"torch": 20.0, "crossscale": 10.0},
        Cell(1, 1, 16, 7): {"torch": 20.0, "torch_packed": 10.0, "crossscale": 5.0},
        Cell(1, 16, 16, 5): {"torch": 32.0, "crossscale": 15.0},
        Cell(1, 1, 1, 3, length=8): {"torch": 1.0, "crossscale": 1.0},
    }
    found = bars(made_rows(times), None)
    assert named(found, "input_gradient").verdict == "met"
    assert named(found, "weight_gradient").verdict == "missed by 20 %"
    assert named(found, "training_step").mean == pytest.approx(2.0)
    latency = named(found, "batch-1 latency 1→16→16")
    assert latency.mean == pytest.approx((10 + 32) / (5 + 15))
    several = named(found, "several channels, forward")
    assert len(several.cells) == 2  # not the call that has nothing to do


def test_errors_may_be_twice_torchs_of_the_same_instruction_set(made_rows: Made) -> None:
    rounded, exact = Cell(64, 16, 16, 5), Cell(64, 1, 1, 3)
    names = ("torch", "torch_avx2", "crossscale", "crossscale_avx2")
    frame = made_rows({cell: dict.fromkeys(names, 1.0) for cell in (rounded, exact)})
    errors = {
        ("torch", 16): 2e-7,
        ("crossscale", 16): 4e-7,
        ("torch_avx2", 16): 1e-7,
        ("crossscale_avx2", 16): 4e-7,
        ("torch", 1): 1e-7,
    }
    keys = zip(frame["contestant"], frame["in_channels"], strict=True)
    frame["max_error_ratio"] = [errors.get(key, 0.0) for key in keys]  # exact ones are no ratio
    bar = named(bars(frame, None), "torch's error over ours", "worst cell")
    assert bar.cells == (
        ("16→16 k5 batch 64", pytest.approx(0.5)),
        ("16→16 k5 batch 64, AVX2", pytest.approx(0.25)),
    )
    assert bar.missing == (("16→16 k5 batch 64, AVX2", pytest.approx(0.25)),)


def test_what_was_not_measured_is_said_so(made_rows: Made) -> None:
    found = bars(made_rows({Cell(1, 1, 1, 3, length=8): {"torch": 2.0, "crossscale": 1.0}}), None)
    unmeasured = {bar.name for bar in found if bar.verdict == "not measured"}
    assert {bar.name for bar in found} - unmeasured == {"no cell slower than torch"}
    assert "input_gradient" in render(found)


def test_a_missed_bar_is_shown_with_its_cells() -> None:
    text = render([Bar("speed", 2.0, "worst cell", (("slow cell", 1.0), ("fast cell", 3.0)))])
    _, line, cell = text.splitlines()
    assert line.split() == [
        "speed",
        "2.00",
        "worst",
        "1.73",
        "1.00",
        "2",
        "missed",
        "by",
        "50",
        "%",
    ]
    assert cell.split() == ["1.00", "slow", "cell"]
    many = Bar("speed", 2.0, "worst cell", tuple((f"cell {i}", 1.0) for i in range(9)))
    assert render([many], most=2).splitlines()[-1].strip() == "and 7 more"


def test_training_is_judged_epoch_by_epoch(made_rows: Made) -> None:
    times = {"torch": (4.0, 5.0), "torch_compiled": (3.0, 3.0), "crossscale_fused": (2.0, 2.5)}
    training = pd.DataFrame(
        [
            {"epoch": epoch, "kernel": kernel, "epoch_s": epoch_s}
            for kernel, epochs in times.items()
            for epoch, epoch_s in enumerate(epochs)
        ]
    )
    rows = made_rows({Cell(1, 1, 1, 3, length=8): {"torch": 2.0, "crossscale": 1.0}})
    found = bars(rows, None, training)
    judged = named(found, "the classifier's training", "geometric mean")
    assert judged.verdict == "met"
    assert judged.cells == (("epoch 1", 2.0), ("epoch 2", 2.0))
    compiled = named(found, "  over torch.compile", "geometric mean")
    assert [ratio for _, ratio in compiled.cells] == [1.5, 1.2]
    assert named(found, "  convolutions alone", "geometric mean").verdict == "not measured"
    slower = training.assign(epoch_s=training["epoch_s"].where(training["kernel"] == "torch", 4.0))
    assert named(bars(rows, None, slower), "the classifier's training", "geometric mean").missing


def test_the_command_tells_the_last_runs_bars(
    results_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(Bars(results_dir))
    lines = capsys.readouterr().out.splitlines()
    (grid,) = [line for line in lines if line.startswith("paper's grid") and "mean" in line]
    assert grid.split()[6] == "3"
    (peak,) = [line for line in lines if line.startswith("16→16")]
    assert "not measured" in peak
