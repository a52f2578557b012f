"""The report's HTML page and Markdown summary, made by the templates beside this file."""

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from crossscale_results.claims import claims_markdown
from crossscale_results.comparison import Comparison, compare
from crossscale_results.errors import UserError
from crossscale_results.ratios import CONFIDENCE, FEWEST, number, said
from crossscale_results.report_data import ReportedFigure, RunReport, run_reports
from crossscale_results.whole_file import whole_file

PAGE, SUMMARY = "report.html", "report.md"
TEMPLATES = Path(__file__).parent / "templates"


def write_report(folders: tuple[Path, ...], output: Path) -> list[Path]:
    """Write the page and the summary of those folders' rows; the files that were written.

    The same rows give the same bytes. The first folder is what the others are compared with.

    Raises:
        UserError: a folder is missing, is named twice, or has no rows; `output` cannot be made.
        ResultsError: rows cannot be read.
    """
    reports = run_reports(folders)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{output} cannot be made a folder ({error.strerror})") from error
    paths = []
    for name in (PAGE, SUMMARY):
        with whole_file(output / name) as unfinished:
            unfinished.write_text(rendered(name, reports), encoding="utf-8")
        paths.append(output / name)
    return paths


def rendered(name: str, reports: list[RunReport]) -> str:
    """The page (PAGE) or the summary (SUMMARY) of those runs."""
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=name == PAGE,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {
        "number": number,
        "said": said,
        "code": _code,
        "cell": _cell,
        "data_url": _data_url,
        "claims_table": claims_markdown,
        "interval": _interval,
    }
    return templates.get_template(f"{name}.jinja").render(
        reports=reports,
        comparisons=_comparisons(reports),
        confidence_percent=round(100 * CONFIDENCE),
        fewest=FEWEST,
    )


def _comparisons(reports: list[RunReport]) -> list[tuple[RunReport, RunReport, Comparison]]:
    first, *others = reports
    return [(first, other, compare(first.ratios, other.ratios)) for other in others]


def _code(text: str) -> Markup:
    """Escaped HTML, with what stands between backticks as code."""
    parts = text.split("`")
    marked = [
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part)
        for i, part in enumerate(parts)
    ]
    return Markup("").join(marked)


def _cell(text: str) -> str:
    """Text that stays in its cell of a Markdown table."""
    return " ".join(text.split()).replace("|", r"\|")


def _interval(interval: tuple[float, float] | None) -> str:
    return "—" if interval is None else f"{number(interval[0])} to {number(interval[1])}"


def _data_url(figure: ReportedFigure) -> str:
    return f"data:image/png;base64,{base64.b64encode(figure.png).decode()}"
