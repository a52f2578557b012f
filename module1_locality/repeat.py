"""One repeat: every rung at every batch size, checked, trained on, and assembled alone."""

from collections.abc import Iterator

from crossscale_results import Row, Table
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.conditions import Conditions, why_not_here
from module1_locality.config import Bench
from module1_locality.measure import assemble_fragment, copy_in_order, train_fragment
from module1_locality.result_rows import assembly_rows, ladder_rows
from module1_locality.rungs import CONTROL, LADDER, Rung
from module1_locality.trace import trace_path, write_trace
from module1_locality.verify import verify


def chosen_rungs(bench: Bench) -> list[Rung]:
    """The rungs that were asked for, in the ladder's order, and the control."""
    return [rung for rung in LADDER if rung.name in bench.rungs or rung is CONTROL]


def measured_rungs(conditions: Conditions) -> list[Rung]:
    """Those of them that mean something on this machine."""
    return [
        rung
        for rung in chosen_rungs(conditions.bench)
        if why_not_here(rung, conditions.lane) is None
    ]


def assembled_rungs(conditions: Conditions) -> list[Rung]:
    """Of these the first of each way of assembly in host memory (A4 and A5 assemble as A3)."""
    found: dict[tuple[object, ...], Rung] = {}
    for rung in measured_rungs(conditions):
        if rung.gather != "once" and rung.store != "device":
            how = rung.order, rung.gather, rung.store, rung.in_workers, rung.ring
            found.setdefault(how, rung)
    return list(found.values())


def measure_repeat(conditions: Conditions, repeat: int) -> Iterator[tuple[Table, list[Row]]]:
    """The rows of each round: one batch size, in training and in assembly.

    The first repeat also writes each rung's trace, at its last batch size.

    Raises:
        UserError: a rung fed wrong data, or the data do not allow a measurement.
    """
    grid = conditions.grid
    for batch_size in grid.batch_sizes:
        yield LADDER_TABLE, _train(conditions, repeat, batch_size)
        yield ASSEMBLY_TABLE, _assemble(conditions, repeat, batch_size)


def _train(conditions: Conditions, repeat: int, batch_size: int) -> list[Row]:
    bench, grid, lane = conditions.bench, conditions.grid, conditions.lane
    epoch = conditions.epoch(repeat, batch_size)
    steps = grid.fragment_windows // batch_size
    rungs = _rotated(measured_rungs(conditions), repeat)
    for rung in rungs:  # this also makes the copies that some read
        verify(rung, epoch, lane, batches=2 * bench.depth + 1)
    # The first steps of a process are slow: not kept.
    train_fragment(CONTROL, epoch, lane, bench.warmup_steps, steps)
    fragments = {
        rung: train_fragment(rung, epoch, lane, bench.warmup_steps, steps) for rung in rungs
    }
    if (repeat, batch_size) == (0, grid.batch_sizes[-1]):
        for rung, fragment in fragments.items():
            write_trace(trace_path(bench.results_dir, rung), rung, batch_size, fragment)
    return ladder_rows(fragments, conditions, batch_size, repeat)


def _assemble(conditions: Conditions, repeat: int, batch_size: int) -> list[Row]:
    bench, lane = conditions.bench, conditions.lane
    epoch = conditions.epoch(repeat, batch_size)
    batches = conditions.grid.assembly_windows // batch_size
    memcpy = copy_in_order(epoch, bench.warmup_steps, batches)
    assemblies = {
        rung: assemble_fragment(rung, epoch, lane, bench.warmup_steps, batches)
        for rung in _rotated(assembled_rungs(conditions), repeat)
    }
    return assembly_rows(memcpy, assemblies, conditions, batch_size, repeat)


def _rotated(rungs: list[Rung], repeat: int) -> list[Rung]:
    """Another rung begins each repeat, so that none is always the first."""
    first = repeat % len(rungs) if rungs else 0
    return rungs[first:] + rungs[:first]
