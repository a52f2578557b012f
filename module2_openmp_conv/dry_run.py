"""`python -m module2_openmp_conv.bench --dry-run`: the plan in words, from what the bench times."""

import torch

from crossscale_results.dry_run import HEADING, empty_lines, rows_line
from module2_openmp_conv.columns import CONVOLUTION_TABLE, MACHINE_TABLE
from module2_openmp_conv.config import Bench
from module2_openmp_conv.extension import isa
from module2_openmp_conv.grid import Cell
from module2_openmp_conv.measure import names_taking_part
from module2_openmp_conv.peers import absent_peers
from module2_openmp_conv.plan import PROBE_REPEATS, Plan
from module2_openmp_conv.probes import empty_columns_of, memory_array_bytes, probes_of
from module2_openmp_conv.problem import problem_of


def render_plan(config: Bench, plan: Plan) -> str:
    """Device, files, every cell with who takes part, and what is not measured, and why.

    Raises:
        KernelsError: the kernels are not built.
    """
    taking_part = {cell: contestants_of(cell, plan, config.seed) for cell in plan.cells}
    probes = probes_of(plan.probed_threads, memory_array_bytes()[0])
    rows = plan.repeats * sum(map(len, taking_part.values()))
    absent = absent_peers() if plan.peers else {}
    repeats = f"{plan.repeats} repeats of {len(plan.cells)} cells"
    lines = [
        HEADING,
        f"device: cpu; this module times kernels of the CPU ({isa()}) and uses no accelerator",
        f"profile {plan.profile}, seed {config.seed}: {repeats}",
        rows_line(CONVOLUTION_TABLE, config.results_dir, rows),
        rows_line(MACHINE_TABLE, config.results_dir, 2 * PROBE_REPEATS * len(probes)),
        *(f"{_said(cell)}: {' '.join(names)}" for cell, names in taking_part.items()),
        *(f"not measured: {name}: {reason}" for name, reason in absent.items()),
        *empty_lines(CONVOLUTION_TABLE, {}),
        *empty_lines(MACHINE_TABLE, {probe.probe: empty_columns_of(probe) for probe in probes}),
    ]
    return "\n".join(lines)


def contestants_of(cell: Cell, plan: Plan, seed: int) -> list[str]:
    """Who takes part in a cell, by name: found by what they are prepared with, on silence."""
    silence = torch.zeros(1, cell.length)
    return names_taking_part(problem_of(cell, silence, seed), plan.workers, plan.peers)


def _said(cell: Cell) -> str:
    more = "".join(
        f", {name} {value}"
        for name, value in (("dilation", cell.dilation), ("groups", cell.groups))
        if value > 1
    )
    threads = f"{cell.threads} thread{'' if cell.threads == 1 else 's'}"
    return (
        f"{cell.operation}, batch {cell.batch_size}, {cell.in_channels} to {cell.out_channels} "
        f"channels, width {cell.kernel_width}, length {cell.length}{more}, {cell.cache}, {threads}"
    )
