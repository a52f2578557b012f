"""In every Markdown file links lead somewhere, and commands with their options exist."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "module*/*.md", "results/*.md")
    for path in CHECKOUT.glob(pattern)
)
NOT_OURS = {"pip", "pytest"}
every_file = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: str(path.relative_to(CHECKOUT))
)


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The names of a file's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(path: Path) -> list[str]:
    """The lines of a file's blocks of code that start something of ours."""
    text = path.read_text(encoding="utf-8")
    fenced = re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL)
    indented = re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    lines = [line for block in fenced for line in block.splitlines()] + indented
    return [line.split("  #")[0] for line in lines if re.search(r"python -m |^scripts/", line)]


@every_file
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@every_file
def test_modules_that_are_started_exist(path: Path) -> None:
    named = set(re.findall(r"python -m ([a-z0-9_.]+[a-z0-9_])", path.read_text(encoding="utf-8")))
    for name in named - NOT_OURS:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            spec = importlib.util.find_spec(f"{name}.__main__")
        assert spec is not None, name
        assert spec.origin is not None, name
        assert '__name__ == "__main__"' in Path(spec.origin).read_text(encoding="utf-8"), name


@every_file
def test_scripts_that_are_started_exist(path: Path) -> None:
    for name in re.findall(r"(?<![\w/])scripts/[\w./]+\w", path.read_text(encoding="utf-8")):
        assert (CHECKOUT / name).is_file(), name
        if "." not in name:
            assert os.access(CHECKOUT / name, os.X_OK), name


@every_file
def test_options_of_commands_exist(path: Path) -> None:
    for line in commands(path):
        started = [CHECKOUT / name for name in re.findall(r"scripts/[\w/]+", line)]
        packages = {name.split(".")[0] for name in re.findall(r"python -m ([a-z0-9_.]+)", line)}
        if packages & NOT_OURS:
            continue
        for package in packages:
            spec = importlib.util.find_spec(package)
            assert spec is not None, line
            assert spec.origin is not None, line
            started += Path(spec.origin).parent.rglob("*.py")
        sources = "\n".join(file.read_text(encoding="utf-8") for file in started)
        for option in re.findall(r"(?<=\s)--([a-z][a-z-]*)", line):
            field = option.removeprefix("no-").replace("-", "_")
            assert re.search(rf'^    {field}: |"--{option}"', sources, re.MULTILINE), (line, option)


def test_the_commands_of_all_modules_are_looked_at() -> None:
    lines = "\n".join(line for path in FILES for line in commands(path))
    for module in ("crossscale_data", "module1_locality", "module2_openmp_conv", "module3_mpi"):
        assert f"python -m {module}" in lines


def test_a_version_has_a_date_of_release_once_the_changelog_says_so() -> None:
    changes = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    cited = (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8")
    found = re.search(r"^## (\S+), (\S+)$", changes, re.MULTILINE)
    assert found is not None
    version, date = found.groups()
    assert f"\nversion: {version}\n" in cited
    released = re.findall(r"^date-released: (\S+)$", cited, re.MULTILINE)
    assert released == ([] if date == "unreleased" else [date])
