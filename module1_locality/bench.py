"""`python -m module1_locality.bench`: climb the ladder, and time host assembly by itself."""

import sys
from itertools import product

import torch
from tqdm import tqdm

from crossscale_data import find_source
from crossscale_results import Provenance, UserError, append_rows, collect
from crossscale_results.cli import run
from module1_locality.columns import ASSEMBLY_TABLE, LADDER_TABLE
from module1_locality.config import Bench, Grid, grid_of
from module1_locality.feed import Epoch
from module1_locality.lanes import Lane, find_lane
from module1_locality.measure import assemble_fragment, copy_in_order, train_fragment
from module1_locality.result_rows import assembly_rows, ladder_rows, void_row
from module1_locality.rungs import CONTROL, LADDER, Rung, why_not
from module1_locality.shuffle_buffer import BlockShuffle
from module1_locality.summary import render_summary
from module1_locality.training_windows import TrainingWindows, load_training_windows, touch


def bench(config: Bench) -> None:
    """Measure, append the raw rows to the results, and print their medians.

    Raises:
        UserError: the configuration or the data do not allow it, or results cannot be written.
    """
    grid = grid_of(config)
    source = find_source(config.data_dir)
    print(source)
    windows = load_training_windows(source)
    _check_epoch(grid, len(windows))
    torch.set_num_threads(config.threads)
    provenance = collect(source.dataset, grid.profile)
    lane = find_lane(config.device)
    touch(windows)
    _climb(grid, windows, lane, provenance)
    _assemble(grid, windows, lane, provenance)
    print(render_summary(config.results_dir, provenance.run_id))


def _climb(grid: Grid, windows: TrainingWindows, lane: Lane, provenance: Provenance) -> None:
    """Every rung in turn, over and over; a round's rows are kept as soon as it is done."""
    chosen = [rung for rung in LADDER if rung.name in grid.bench.rungs or rung is CONTROL]
    measurable = [rung for rung in chosen if why_not(rung, lane.has_accelerator) is None]
    for rung, batch_size in product(chosen, grid.batch_sizes):
        if reason := why_not(rung, lane.has_accelerator):
            row = void_row(rung, grid, lane, batch_size, reason)
            append_rows(LADDER_TABLE, grid.bench.results_dir, provenance, [row])
    for repeat, batch_size in _rounds(grid, "training"):
        epoch = _epoch(grid, windows, repeat, batch_size)
        fragments = {
            rung: train_fragment(
                rung, epoch, lane, grid.bench.warmup_steps, grid.fragment_windows // batch_size
            )
            for rung in _rotated(measurable, repeat)
        }
        rows = ladder_rows(fragments, grid, lane, batch_size, repeat)
        append_rows(LADDER_TABLE, grid.bench.results_dir, provenance, rows)


def _assemble(grid: Grid, windows: TrainingWindows, lane: Lane, provenance: Provenance) -> None:
    """The same for assembly alone. A4 and A5 assemble as A3 does, C0 not at all."""
    chosen = [
        rung
        for rung in LADDER
        if rung.name in grid.bench.rungs and not rung.side_stream and rung is not CONTROL
    ]
    warmup = grid.bench.warmup_steps
    for repeat, batch_size in _rounds(grid, "assembling"):
        epoch = _epoch(grid, windows, repeat, batch_size)
        batches = grid.assembly_windows // batch_size
        memcpy = copy_in_order(epoch, warmup, batches)
        assemblies = {
            rung: assemble_fragment(rung, epoch, lane, warmup, batches)
            for rung in _rotated(chosen, repeat)
        }
        rows = assembly_rows(memcpy, assemblies, grid, lane, batch_size, repeat)
        append_rows(ASSEMBLY_TABLE, grid.bench.results_dir, provenance, rows)


def _rounds(grid: Grid, what: str) -> "tqdm[tuple[int, int]]":
    return tqdm(list(product(range(grid.repeats), grid.batch_sizes)), desc=what, unit="round")


def _rotated(rungs: list[Rung], repeat: int) -> list[Rung]:
    """Another rung begins each repeat, so that none is always the first."""
    first = repeat % len(rungs) if rungs else 0
    return rungs[first:] + rungs[:first]


def _epoch(grid: Grid, windows: TrainingWindows, repeat: int, batch_size: int) -> Epoch:
    bench = grid.bench
    shuffle = BlockShuffle(bench.block_windows, bench.buffer_blocks, bench.seed, epoch=repeat)
    return Epoch(windows, batch_size, shuffle, bench.workers, bench.depth)


def _check_epoch(grid: Grid, windows_count: int) -> None:
    longest = max(grid.fragment_windows, grid.assembly_windows)
    needed = longest + grid.bench.warmup_steps * max(grid.batch_sizes)
    if windows_count < needed:
        raise UserError(
            f"the data hold {windows_count} training windows where {needed} are needed for one "
            "raw sample: give smaller --fragment-windows, --assembly-windows or --batch-sizes"
        )


if __name__ == "__main__":
    sys.exit(run(Bench, bench, "python -m module1_locality.bench", __doc__ or ""))
