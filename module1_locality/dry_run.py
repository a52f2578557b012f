"""`python -m module1_locality.bench --dry-run`: the plan in words, from what the bench goes through."""

from itertools import chain

from crossscale_results.dry_run import HEADING, device_line, empty_lines
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
    grid, lane = grid_of(bench), find_lane(bench.device)
    rounds = list(chain.from_iterable(rounds_of(grid, lane, i) for i in range(grid.repeats)))
    void, sizes = void_rungs(bench, lane), len(grid.batch_sizes)
    trained = sum(len(planned.trained) for planned in rounds)
    assembled = sum(1 + len(planned.assembled) for planned in rounds)
    return "\n".join(
        [
            HEADING,
            device_line(lane.device.type),
            f"profile {grid.profile}, seed {bench.seed}: {grid.repeats} repeats, each in a fresh "
            f"process, of {sizes} batch sizes",
            f"{bench.results_dir}/{LADDER_TABLE.name}.csv: {trained + sizes * len(void)} rows, "
            f"{sizes * len(void)} of them of what is not measured",
            f"{bench.results_dir}/{ASSEMBLY_TABLE.name}.csv: {assembled} rows",
            *chain.from_iterable(_round_lines(planned, grid) for planned in rounds),
            *_not_measured_lines(grid, lane, rounds),
        ]
    )


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
    assembly = {"all": count_reasons(counts)}
    return [
        *(f"not measured: {rung.name}: {reason}" for rung, reason in void.items()),
        f"empty in {LADDER_TABLE.name}:",
        *empty_lines(ladder),
        f"empty in {ASSEMBLY_TABLE.name}:",
        *(empty_lines(assembly) or ["  nothing"]),
    ]
