"""Every figure that the suite can draw has its words, and no other."""

import ast
import re
from pathlib import Path

import pytest

from crossscale_results.errors import ResultsError
from crossscale_results.figure_words import FIGURES, words_of

FROM_TRACES = {"module3_gantt"}  # drawn beside a trace, not from results
CHECKOUT = Path(__file__).resolve().parents[2]


def figure_names() -> set[str]:
    """Strings that can name a figure, in the modules' files that save any."""
    found = set()
    for path in CHECKOUT.glob("module*/**/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.alias)}
        if "save_figure" in names:
            texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
            found |= {t for t in texts if isinstance(t, str) and re.fullmatch(r"module\d_\w+", t)}
    return found


def test_every_figure_has_its_words() -> None:
    assert len(figure_names()) > 15
    assert figure_names() - FROM_TRACES == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_words_are_sentences_and_a_command(name: str) -> None:
    words = FIGURES[name]
    assert words.title
    assert not words.title.endswith(".")
    assert words.shows.endswith(".")
    module = re.fullmatch(r"python -m (module\d_\w+)\.(\w+)( --[a-z-]+ \S+)*", words.command)
    assert module
    place = CHECKOUT / module[1] / module[2]
    assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()


def test_a_figure_without_words_is_said() -> None:
    with pytest.raises(ResultsError, match="module9_new has no words"):
        words_of("module9_new")
