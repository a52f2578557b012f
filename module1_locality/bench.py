"""`python -m module1_locality.bench`: climb the ladder, and time host assembly by itself."""

import sys
from dataclasses import replace

from tqdm import tqdm

from crossscale_data import find_source
from crossscale_results import Row, append_rows
from crossscale_results.cli import run
from module1_locality.columns import LADDER_TABLE
from module1_locality.conditions import Conditions, set_up
from module1_locality.config import Bench
from module1_locality.dry_run import render_plan
from module1_locality.fresh_process import repeat_in_fresh_process
from module1_locality.plan import chosen_rungs, void_rungs
from module1_locality.result_rows import void_row
from module1_locality.rungs import describe
from module1_locality.summary import render_summary


def bench(config: Bench) -> None:
    """Measure, append the raw rows to the results, and print their medians; or print the plan.

    Raises:
        UserError: the configuration or the data do not allow it, a rung feeds wrong data, or
            results cannot be written.
    """
    if config.dry_run:
        print(render_plan(config))
        return
    source = find_source(config.data_dir)
    print(source)
    config = replace(config, data_dir=source.directory)
    conditions = set_up(config)
    for rung in chosen_rungs(config):
        print(describe(rung))
    climb(conditions)
    print(render_summary(config.results_dir, conditions.provenance.run_id))


def rows_of_what_is_not_measured(conditions: Conditions) -> list[Row]:
    """A row with its reason for each rung that means nothing on this machine."""
    return [
        void_row(rung, conditions, size, reason)
        for rung, reason in void_rungs(conditions.bench, conditions.lane).items()
        for size in conditions.grid.batch_sizes
    ]


def climb(conditions: Conditions) -> None:
    """Measure all repeats, each in a fresh process; its rows are kept once it is whole.

    What is not measured is told with the first repeat: a run of nothing else is no run.
    """
    bench, grid = conditions.bench, conditions.grid
    rounds = 2 * grid.repeats * len(grid.batch_sizes)  # training and assembly
    with tqdm(total=rounds, desc="measuring", unit="round") as bar:
        for repeat in range(grid.repeats):
            measured = repeat_in_fresh_process(bench, conditions.provenance, repeat, bar.update)
            for table, rows in measured:
                if repeat == 0 and table is LADDER_TABLE:
                    rows = [*rows_of_what_is_not_measured(conditions), *rows]
                append_rows(table, bench.results_dir, conditions.provenance, rows)


if __name__ == "__main__":
    sys.exit(run(Bench, bench, "python -m module1_locality.bench", __doc__ or ""))
