"""Every table of the suite, from the modules that own them."""

import importlib
from pathlib import Path

from crossscale_results.claims import Claim
from crossscale_results.ratios import Ratio
from crossscale_results.table import Table

MODULES = ("module1_locality", "module2_openmp_conv", "module3_mpi_gpu_overlap")


def all_tables() -> tuple[Table, ...]:
    """The tables of all modules, in the modules' order."""
    found = (importlib.import_module(f"{module}.columns").TABLES for module in MODULES)
    return tuple(table for tables in found for table in tables)


def all_claims(results_dir: Path) -> list[Claim]:
    """Each module's claims, judged by the rows in `results_dir`."""
    return [
        claim
        for module in MODULES
        for claim in importlib.import_module(f"{module}.claims").claims(results_dir)
    ]


def draw_all(results_dir: Path, out_dir: Path) -> list[Path]:
    """Draw each module's figures from the rows in `results_dir`; the files that were written."""
    return [
        path
        for module in MODULES
        for path in importlib.import_module(f"{module}.figures").draw(results_dir, out_dir)
    ]


def all_ratios(results_dir: Path) -> list[Ratio]:
    """Each module's ratios within a run, from the rows in `results_dir`."""
    return [ratio for module in MODULES for ratio in ratios_of(module, results_dir)]


def ratios_of(module: str, results_dir: Path) -> list[Ratio]:
    """One module's ratios within a run."""
    found: list[Ratio] = importlib.import_module(f"{module}.ratios").ratios(results_dir)
    return found
