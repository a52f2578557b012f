"""What all rungs of a run share: the grid, the data, the machine's settings."""

from dataclasses import dataclass

import torch

from crossscale_data import find_source
from crossscale_results import Provenance, UserError, collect
from module1_locality.bus_error import explain_bus_error
from module1_locality.config import Bench, Grid, grid_of
from module1_locality.epoch import Epoch
from module1_locality.huge_pages import why_no_huge_pages
from module1_locality.lanes import Lane, find_lane
from module1_locality.rungs import Rung, why_not
from module1_locality.shuffle_buffer import BlockShuffle
from module1_locality.steady_memory import keep_freed_memory
from module1_locality.training_step import why_not_captured
from module1_locality.training_windows import (
    TrainingWindows,
    check_unchanged,
    load_training_windows,
    touch,
)
from module2_openmp_conv import KernelsError, isa


@dataclass(frozen=True)
class Conditions:
    """Everything that does not differ between rungs."""

    grid: Grid
    windows: TrainingWindows
    lane: Lane
    memory_kept: bool  # whether the C library keeps freed memory
    provenance: Provenance

    @property
    def bench(self) -> Bench:
        """The command line."""
        return self.grid.bench

    def epoch(self, repeat: int, batch_size: int) -> Epoch:
        """The epoch that a repeat takes its fragment from: the same one for all rungs.

        Raises:
            DataError: the shard was cut since it was opened.
        """
        check_unchanged(self.windows)
        shuffle = BlockShuffle(
            self.bench.block_windows, self.bench.buffer_blocks, self.bench.seed, epoch=repeat
        )
        return Epoch(self.windows, batch_size, shuffle, self.bench.workers, self.bench.depth)


def set_up(bench: Bench, provenance: Provenance | None = None) -> Conditions:
    """Find and warm the data, set the threads and the memory.

    Args:
        bench: the command line.
        provenance: of the run that this process takes part in; a new run's if none.

    Raises:
        UserError: the command line is wrong, or the data are bad or too few for it.
    """
    lane = find_lane(bench.device)
    grid = grid_of(bench, lane.has_accelerator)
    source = find_source(bench.data_dir)
    windows = load_training_windows(source)
    _check_length(grid, len(windows))
    if windows.file:
        explain_bus_error(windows.file.path)
    torch.set_num_threads(bench.threads)
    memory_kept = bench.keep_memory and keep_freed_memory()
    touch(windows)
    if provenance is None:
        provenance = collect(source.dataset, grid.profile)
    return Conditions(grid, windows, lane, memory_kept, provenance)


def _check_length(grid: Grid, windows_count: int) -> None:
    longest = max(grid.fragment_windows, grid.assembly_windows)
    needed = longest + grid.bench.warmup_steps * max(grid.batch_sizes)
    if windows_count < needed:
        raise UserError(
            f"the data hold {windows_count} training windows where {needed} are needed for one "
            "raw sample: give smaller --fragment-windows, --assembly-windows or --batch-sizes"
        )


def why_not_here(rung: Rung, lane: Lane) -> str | None:
    """Why a rung cannot be measured on this machine as it is set up; None if it can."""
    if reason := why_not(rung, lane.has_accelerator):
        return reason
    if rung.captured and (reason := why_not_captured(lane.device)):
        return reason
    if "huge pages" in rung.store and (reason := why_no_huge_pages()):
        return reason
    if rung.gather == "native":
        try:
            isa()
        except KernelsError as error:
            return str(error)
    return None
