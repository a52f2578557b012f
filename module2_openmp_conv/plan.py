"""What a run of the bench times: the bench goes through it, and `--dry-run` prints it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from module2_openmp_conv import workers
from module2_openmp_conv.config import PROFILES, Bench, check_positive, check_seed, check_slices
from module2_openmp_conv.grid import Cell, cells_of

PROBE_REPEATS = 8  # before the cells, and again after them


@dataclass(frozen=True)
class Plan:
    """A bench with its profile filled in."""

    profile: str  # `quick`, `paper`, or `custom` where the profile's grid was changed
    cells: tuple[Cell, ...]  # their numbers of threads filled in
    repeats: int
    sample_ms: float
    workers: tuple[str, ...]  # kinds of processes with an environment of their own
    peers: bool  # whether torch.compile and ONNX Runtime take part

    @property
    def probed_threads(self) -> tuple[int, ...]:
        """Each number of threads that a cell has: the machine is measured on it."""
        return tuple(sorted({cell.threads for cell in self.cells if cell.threads}))


def plan_of(config: Bench, threads: int, cells: Sequence[Cell] | None = None) -> Plan:
    """The plan of a command line.

    Args:
        config: see there.
        threads: of cells that name none.
        cells: the grid; the options' if none.

    Raises:
        UserError: an option is wrong.
    """
    check_positive(repeats=config.repeats)
    check_seed(config.seed)
    slices, profile = check_slices(config.slices), PROFILES[config.profile]
    is_custom = cells is not None or slices is not None or config.repeats is not None
    if cells is None:
        cells = cells_of(slices or profile.slices, threads)
    return Plan(
        profile="custom" if is_custom else config.profile,
        cells=tuple(replace(cell, threads=cell.threads or threads) for cell in cells),
        repeats=config.repeats or profile.repeats,
        sample_ms=profile.sample_ms,
        workers=workers.usable(profile.workers),
        peers=profile.peers,
    )
