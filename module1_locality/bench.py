"""`python -m module1_locality.bench`: climb the ladder, and time host assembly by itself."""

import sys
from itertools import product

from tqdm import tqdm

from crossscale_results import append_rows
from crossscale_results.cli import run
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.conditions import Conditions, set_up
from module1_locality.config import Bench
from module1_locality.measure import assemble_fragment, copy_in_order, train_fragment
from module1_locality.result_rows import assembly_rows, ladder_rows, void_row
from module1_locality.rungs import CONTROL, LADDER, Rung, describe, why_not
from module1_locality.summary import render_summary


def bench(config: Bench) -> None:
    """Measure, append the raw rows to the results, and print their medians.

    Raises:
        UserError: the configuration or the data do not allow it, or results cannot be written.
    """
    conditions = set_up(config)
    for rung in chosen_rungs(config):
        print(describe(rung))
    climb(conditions)
    assemble(conditions)
    print(render_summary(config.results_dir, conditions.provenance.run_id))


def chosen_rungs(config: Bench) -> list[Rung]:
    """The rungs that were asked for, in the ladder's order, and the control."""
    return [rung for rung in LADDER if rung.name in config.rungs or rung is CONTROL]


def climb(conditions: Conditions) -> None:
    """Train under every rung in turn, over and over; a round's rows are kept once it is done."""
    bench, grid, lane = conditions.bench, conditions.grid, conditions.lane
    measurable = []
    for rung in chosen_rungs(bench):
        reason = why_not(rung, lane.has_accelerator)
        if reason is None:
            measurable.append(rung)
        else:
            rows = [void_row(rung, conditions, size, reason) for size in grid.batch_sizes]
            append_rows(LADDER_TABLE, bench.results_dir, conditions.provenance, rows)
    for batch_size in grid.batch_sizes:  # the first steps of a process are slow: not kept
        steps = grid.fragment_windows // batch_size
        train_fragment(CONTROL, conditions.epoch(0, batch_size), lane, bench.warmup_steps, steps)
    for repeat, batch_size in _rounds(conditions, "training"):
        epoch = conditions.epoch(repeat, batch_size)
        steps = grid.fragment_windows // batch_size
        fragments = {
            rung: train_fragment(rung, epoch, lane, bench.warmup_steps, steps)
            for rung in _rotated(measurable, repeat)
        }
        rows = ladder_rows(fragments, conditions, batch_size, repeat)
        append_rows(LADDER_TABLE, bench.results_dir, conditions.provenance, rows)


def assemble(conditions: Conditions) -> None:
    """Assemble alone under every rung that assembles its own way (A4 and A5 do as A3)."""
    bench, grid = conditions.bench, conditions.grid
    chosen = [rung for rung in chosen_rungs(bench) if not rung.side_stream and rung is not CONTROL]
    for repeat, batch_size in _rounds(conditions, "assembling"):
        epoch = conditions.epoch(repeat, batch_size)
        batches = grid.assembly_windows // batch_size
        memcpy = copy_in_order(epoch, bench.warmup_steps, batches)
        assemblies = {
            rung: assemble_fragment(rung, epoch, conditions.lane, bench.warmup_steps, batches)
            for rung in _rotated(chosen, repeat)
        }
        rows = assembly_rows(memcpy, assemblies, conditions, batch_size, repeat)
        append_rows(ASSEMBLY_TABLE, bench.results_dir, conditions.provenance, rows)


def _rounds(conditions: Conditions, what: str) -> "tqdm[tuple[int, int]]":
    grid = conditions.grid
    return tqdm(list(product(range(grid.repeats), grid.batch_sizes)), desc=what, unit="round")


def _rotated(rungs: list[Rung], repeat: int) -> list[Rung]:
    """Another rung begins each repeat, so that none is always the first."""
    first = repeat % len(rungs) if rungs else 0
    return rungs[first:] + rungs[:first]


if __name__ == "__main__":
    sys.exit(run(Bench, bench, "python -m module1_locality.bench", __doc__ or ""))
