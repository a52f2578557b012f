"""What a report says of one folder of results, gathered; `report_page` makes pages of it."""

import importlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from crossscale_results.claims import Claim
from crossscale_results.errors import UserError
from crossscale_results.figure_words import FigureWords, words_of
from crossscale_results.provenance_facts import TableFacts, facts, machines, rows_of
from crossscale_results.ratios import Ratio
from crossscale_results.tables import MODULES, all_claims, ratios_of
from crossscale_results.words import Finding


@dataclass(frozen=True)
class ReportedFigure:
    """A drawn figure with its words."""

    name: str
    words: FigureWords
    caption: str  # dataset, machine and number of the rows it shows
    png: bytes
    width_px: int
    height_px: int


@dataclass(frozen=True)
class ReportedModule:
    """One module's part."""

    title: str
    findings: tuple[Finding, ...]
    bars: str
    figures: tuple[ReportedFigure, ...]


@dataclass(frozen=True)
class RunReport:
    """One folder's part."""

    name: str
    claims: tuple[Claim, ...]
    machine: dict[str, str]
    tables: tuple[TableFacts, ...]
    modules: tuple[ReportedModule, ...]
    ratios: tuple[Ratio, ...]


def run_reports(folders: tuple[Path, ...]) -> list[RunReport]:
    """Everything that is reported of each folder.

    Raises:
        UserError: a folder is missing, is named twice, or has no rows.
        ResultsError: rows cannot be read.
    """
    names = run_names(folders)
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder of results: run scripts/reproduce first")
    return [run_report(folder, name) for folder, name in zip(folders, names, strict=True)]


def run_names(folders: tuple[Path, ...]) -> list[str]:
    """A name for each folder that tells it from the others, and not where it lies.

    Raises:
        UserError: a folder is named twice.
    """
    parts = [folder.resolve().parts for folder in folders]
    if len(set(parts)) < len(parts):
        raise UserError("a folder is named twice: name each run once")
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names


def run_report(folder: Path, name: str) -> RunReport:
    """Everything that is reported of one folder.

    Raises:
        UserError: it has no rows.
        ResultsError: rows cannot be read.
    """
    rows = rows_of(folder)
    if not rows:
        raise UserError(f"{folder} has no results: run scripts/reproduce first")
    ratios = {module: ratios_of(module, folder) for module in MODULES}
    return RunReport(
        name,
        tuple(all_claims(folder)),
        machines(rows),
        tuple(facts(rows)),
        tuple(_module(module, folder, own) for module, own in ratios.items()),
        tuple(ratio for own in ratios.values() for ratio in own),
    )


def _module(module: str, folder: Path, ratios: list[Ratio]) -> ReportedModule:
    said = importlib.import_module(f"{module}.findings")
    with tempfile.TemporaryDirectory() as drawn:
        paths = importlib.import_module(f"{module}.figures").draw(folder, Path(drawn))
        figures = tuple(_figure(path) for path in paths if path.suffix == ".png")
    return ReportedModule(
        said.TITLE, tuple(said.findings(folder, ratios)), said.bars_text(folder), figures
    )


def _figure(path: Path) -> ReportedFigure:
    with Image.open(path) as image:
        image.load()
        caption, (width_px, height_px) = str(image.info["Description"]), image.size
    return ReportedFigure(
        path.stem, words_of(path.stem), caption, path.read_bytes(), width_px, height_px
    )
