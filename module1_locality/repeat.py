"""One repeat: every rung at every batch size, checked, trained on, and assembled alone."""

from collections.abc import Iterator

from crossscale_results import Row, Table
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.conditions import Conditions
from module1_locality.measure import assemble_fragment, copy_in_order, train_fragment
from module1_locality.plan import Round, rounds_of
from module1_locality.result_rows import assembly_rows, ladder_rows
from module1_locality.rungs import CONTROL
from module1_locality.trace import trace_path, write_trace
from module1_locality.verify import verify


def measure_repeat(conditions: Conditions, repeat: int) -> Iterator[tuple[Table, list[Row]]]:
    """The rows of each round: one batch size, in training and in assembly.

    The first repeat also writes each rung's trace, at its last batch size.

    Raises:
        UserError: a rung fed wrong data, or the data do not allow a measurement.
    """
    for planned in rounds_of(conditions.grid, conditions.lane, repeat):
        yield LADDER_TABLE, _train(conditions, planned)
        yield ASSEMBLY_TABLE, _assemble(conditions, planned)


def _train(conditions: Conditions, planned: Round) -> list[Row]:
    bench, grid, lane = conditions.bench, conditions.grid, conditions.lane
    repeat, batch_size = planned.repeat, planned.batch_size
    epoch = conditions.epoch(repeat, batch_size)
    steps = grid.fragment_windows // batch_size
    for rung in planned.trained:  # this also makes the copies that some read
        verify(rung, epoch, lane, batches=2 * bench.depth + 1)
    # The first steps of a process are slow: not kept.
    train_fragment(CONTROL, epoch, lane, bench.warmup_steps, steps)
    fragments = {
        rung: train_fragment(rung, epoch, lane, bench.warmup_steps, steps)
        for rung in planned.trained
    }
    if (repeat, batch_size) == (0, grid.batch_sizes[-1]):
        for rung, fragment in fragments.items():
            write_trace(trace_path(bench.results_dir, rung), rung, batch_size, fragment)
    return ladder_rows(fragments, conditions, batch_size, repeat)


def _assemble(conditions: Conditions, planned: Round) -> list[Row]:
    bench, lane = conditions.bench, conditions.lane
    repeat, batch_size = planned.repeat, planned.batch_size
    epoch = conditions.epoch(repeat, batch_size)
    batches = conditions.grid.assembly_windows // batch_size
    memcpy = copy_in_order(epoch, bench.warmup_steps, batches)
    assemblies = {
        rung: assemble_fragment(rung, epoch, lane, bench.warmup_steps, batches)
        for rung in planned.assembled
    }
    return assembly_rows(memcpy, assemblies, conditions, batch_size, repeat)
