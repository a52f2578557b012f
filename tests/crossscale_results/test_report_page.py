"""The page: complete in one file, right in its numbers, the same each time."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from crossscale_results.ratios import number
from crossscale_results.report_data import RunReport, run_reports
from crossscale_results.report_page import PAGE, SUMMARY, rendered, write_report

WriteRun = Callable[..., Path]
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Tags with their attributes in order, and which were open or closed wrongly."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def two(write_run_to: WriteRun, tmp_path_factory: pytest.TempPathFactory) -> list[RunReport]:
    """Two runs on different CPUs; in the second our kernel is twice as good."""
    folder = tmp_path_factory.mktemp("runs")
    changed = {"cpu_model": "Another CPU"}
    first = write_run_to(folder / "first")
    return run_reports((first, write_run_to(folder / "second", changed, torch_over_ours=8.0)))


@pytest.fixture
def one(two: list[RunReport]) -> list[RunReport]:
    """The first of them alone."""
    return two[:1]


def test_the_page_needs_nothing_but_itself(two: list[RunReport]) -> None:
    text = rendered(PAGE, two)
    page = Page(text)
    assert page.wrong == []
    assert page.open == []
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object"})
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert "url(" not in text
    assert "@import" not in text
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = [link["href"] for link in page.all("a")]
    assert len(links) >= 10
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_it_can_be_read_without_seeing_the_figures(one: list[RunReport]) -> None:
    page = Page(rendered(PAGE, one))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    figures = [figure for module in one[0].modules for figure in module.figures]
    assert len(page.all("img")) == len(figures) == len(page.all("figcaption")) > 4
    assert all(len(image["alt"]) > 40 for image in page.all("img"))


@pytest.mark.parametrize("name", [PAGE, SUMMARY])
def test_claims_findings_captions_and_commands_are_there(one: list[RunReport], name: str) -> None:
    text = unescape(rendered(name, one))
    for claim in one[0].claims:
        assert claim.verdict in text
        assert claim.command in text
        assert claim.paper in text
    for figure in (figure for module in one[0].modules for figure in module.figures):
        assert figure.caption in text
        assert figure.words.command in text
    assert "Example CPU" in text
    assert "synthetic" in text


def test_every_number_of_the_findings_is_one_of_the_rows(one: list[RunReport]) -> None:
    # A5 over A0, the ceiling in %, torch over ours, shares and modes of a round: as written.
    known = {"1.25", "50.0", "4.00", "0.750", "0.500"}
    findings = [finding for module in one[0].modules for finding in module.findings]
    said = " ".join(finding.text for finding in findings)
    assert set(re.findall(r"\d+\.\d+", said)) == known
    shown = {number(ratio.value) for finding in findings for ratio in finding.ratios}
    assert shown == known - {"50.0"}


def test_two_runs_are_compared(two: list[RunReport]) -> None:
    page, summary = rendered(PAGE, two), rendered(SUMMARY, two)
    assert "second compared with first" in page
    assert "Another CPU" in page
    (row,) = [line for line in summary.splitlines() if line.startswith("| module 2 | torch's time")]
    assert row.split(" | ")[3:] == [
        "4.00 (n = 6)",
        "8.00 (n = 6)",
        "2.00",
        "2.00 to 2.00",
        "**better** |",
    ]
    assert "1 better, 0 worse, 2 within noise, 0 too few samples." in summary


def test_one_run_is_compared_with_nothing(one: list[RunReport]) -> None:
    assert "compared with" not in rendered(SUMMARY, one)


def test_what_rows_say_cannot_break_the_page(one: list[RunReport]) -> None:
    report = replace(one[0], machine={"CPU": "<b> & co |"})
    assert "<b>" not in rendered(PAGE, [report])
    assert "&lt;b&gt; &amp; co |" in rendered(PAGE, [report])


@pytest.mark.slow
def test_files_appear_whole_and_are_the_same_again(write_run: WriteRun, tmp_path: Path) -> None:
    folders = (write_run("run"),)
    first = write_report(folders, tmp_path / "one")
    assert [path.name for path in sorted((tmp_path / "one").iterdir())] == [PAGE, SUMMARY]
    for left, right in zip(first, write_report(folders, tmp_path / "two"), strict=True):
        assert left.read_bytes() == right.read_bytes()
        assert str(tmp_path) not in left.read_text(encoding="utf-8")
