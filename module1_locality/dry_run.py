"""`python -m module1_locality.bench --dry-run`: what the bench goes through, in words."""

from itertools import chain

from crossscale_results.dry_run import HEADING, device_line, empty_lines, rows_line
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.config import Bench, Grid, grid_of
from module1_locality.host_counters import HostCounters
from module1_locality.lanes import Lane, find_lane
from module1_locality.plan import Round, rounds_of, void_rungs
from module1_locality.result_rows import MEMCPY, count_reasons, empty_columns_of


def render_plan(bench: Bench) -> str:
    """Device, files, every round in its order, and what is not measured, and why.

    Raises:
        UserError: the command line is wrong.
    """
    lane = find_lane(bench.device)
    grid = grid_of(bench, lane.has_accelerator)
    rounds = list(chain.from_iterable(rounds_of(grid, lane, i) for i in range(grid.repeats)))
    void, sizes = void_rungs(bench, lane), len(grid.batch_sizes)
    trained = sum(len(planned.trained) for planned in rounds)
    assembled = sum(1 + len(planned.assembled) for planned in rounds)
    void_rows, repeats = sizes * len(void), f"{grid.repeats} repeats, each in a fresh process"
    lines = [
        HEADING,
        device_line(lane.device.type),
        f"profile {grid.profile}, seed {bench.seed}: {repeats}, of {sizes} batch sizes",
        rows_line(LADDER_TABLE, bench.results_dir, trained + void_rows),
        f"  {void_rows} of them say why they are empty",
        rows_line(ASSEMBLY_TABLE, bench.results_dir, assembled),
        *chain.from_iterable(_round_lines(planned, grid) for planned in rounds),
        *_not_measured_lines(grid, lane, rounds),
    ]
    return "\n".join(lines)


def _round_lines(planned: Round, grid: Grid) -> list[str]:
    trained = " ".join(rung.name for rung in planned.trained)
    assembled = " ".join((MEMCPY, *(rung.name for rung in planned.assembled)))
    return [
        f"repeat {planned.repeat}, batch {planned.batch_size}",
        f"  train {grid.fragment_windows} windows each: {trained}",
        f"  assemble {grid.assembly_windows} windows each: {assembled}",
    ]


def _not_measured_lines(grid: Grid, lane: Lane, rounds: list[Round]) -> list[str]:
    counts = HostCounters().so_far()
    void = void_rungs(grid.bench, lane)
    ladder = {
        rung.name: empty_columns_of(rung, grid.bench, lane, counts) for rung in rounds[0].trained
    }
    return [
        *(f"not measured: {rung.name}: {reason}" for rung, reason in void.items()),
        *empty_lines(LADDER_TABLE, ladder),
        *empty_lines(ASSEMBLY_TABLE, {"all": count_reasons(counts)}),
    ]
