"""What the documentation tells of the reference rows, `scripts/document` would write again."""

from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from crossscale_results import UserError, style
from crossscale_results.report_data import run_reports
from crossscale_results.report_page import SUMMARY, rendered

CHECKOUT = Path(__file__).resolve().parents[2]
REFERENCE = CHECKOUT / "results" / "reference"


def test_marked_parts_are_what_the_rows_make_of_them(document: ModuleType) -> None:
    assert len(document.PARTS) == 15
    for part in document.PARTS:
        assert document.told(part) == part.text(part.rows), (part.file, part.label)


def test_every_marked_part_is_written(document: ModuleType) -> None:
    """But for the annotations' counts (tests/test_readme.py), which no run measures."""
    files = {part.file for part in document.PARTS}
    marked = sum(
        (CHECKOUT / file).read_text(encoding="utf-8").count(document.END) for file in files
    )
    assert marked == len(document.PARTS) + 1


@pytest.mark.slow
def test_the_summary_is_what_the_rows_make_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # It tells of figures and shows none: they need not be fine, nor twice.
    monkeypatch.setitem(style._STYLE, "savefig.dpi", 20)
    monkeypatch.delitem(style._METADATA, "pdf")
    shipped = (REFERENCE / SUMMARY).read_text(encoding="utf-8")
    assert shipped == rendered(SUMMARY, run_reports((REFERENCE,)))


def test_parts_are_written_between_their_marks(
    document: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- x -->\nold\n<!-- end -->\nb\n<!-- y -->\nkept\n<!-- end -->\n")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "shown.png").write_bytes(b"old")
    rows = tmp_path / "rows"
    rows.mkdir()
    parts = (document.Part("README.md", "x", lambda folder: f"rows of {folder.name}", rows),)
    figures = [SimpleNamespace(name=name, png=name.encode()) for name in ("shown", "another")]
    module = SimpleNamespace(figures=figures)
    for name, value in {
        "PARTS": parts,
        "CHECKOUT": tmp_path,
        "REFERENCE": rows,
        "FIGURES": tmp_path / "figures",
        "overview": SimpleNamespace(draw=lambda rows, folder: []),
        "_drawn_on_gpu": lambda folder: {},
        "run_reports": lambda folders: [SimpleNamespace(name=folders[0].name, modules=[module])],
        "rendered": lambda name, reports: f"of {reports[0].name}",
    }.items():
        monkeypatch.setattr(document, name, value)
    document.document(document.Document())
    assert readme.read_text() == (
        "a\n<!-- x -->\nrows of rows\n<!-- end -->\nb\n<!-- y -->\nkept\n<!-- end -->\n"
    )
    assert (rows / SUMMARY).read_text() == "of rows"
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["shown.png"]
    assert (tmp_path / "figures" / "shown.png").read_bytes() == b"shown"


def test_a_part_that_is_not_there_is_one_sentence(document: ModuleType) -> None:
    with pytest.raises(UserError, match=r"README\.md has no part between <!-- none --> and"):
        document.told(document.Part("README.md", "none", str))
