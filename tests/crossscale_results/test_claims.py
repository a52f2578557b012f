"""Claims as text: every word there, in a table that fits a terminal, or in Markdown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossscale_results.claims import VERDICTS, Claim, claims_markdown, render_claims

PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "))


def claim(**changed: Any) -> Claim:
    right = {
        "module": "module 9",
        "paper": "twice as fast",
        "measured": "1.9x, n = 10",
        "verdict": "not reproduced",
        "command": "python -m module9.bench",
    }
    return Claim(**(right | changed))


@pytest.mark.parametrize("verdict", VERDICTS)
def test_each_verdict_is_taken_and_shown(verdict: str) -> None:
    assert verdict in render_claims([claim(verdict=verdict)])
    assert f"**{verdict}**" in claims_markdown([claim(verdict=verdict)])


@pytest.mark.parametrize("verdict", ["", "Reproduced", "true", "partly reproduced"])
def test_another_verdict_is_refused(verdict: str) -> None:
    with pytest.raises(ValueError, match="verdict must be one of reproduced, exceeded, not rep"):
        claim(verdict=verdict)


@given(texts=st.lists(st.tuples(PRINTABLE, PRINTABLE, PRINTABLE), max_size=4))
def test_the_table_is_at_most_120_columns_wide(texts: list[tuple[str, str, str]]) -> None:
    claims = [claim(module=a, paper=b * 9, measured=c * 9) for a, b, c in texts]
    table, _ = render_claims(claims).split("\nmeasured by")
    assert max(len(line) for line in table.split("\n")) <= 120


def test_long_texts_are_wrapped_in_their_own_columns_and_lose_no_word() -> None:
    paper, measured = (" ".join(f"{word}{i}" for i in range(40)) for word in ("said", "seen"))
    lines = render_claims([claim(paper=paper, measured=measured)]).splitlines()
    cells = [[cell.strip() for cell in f"{line}||".split("|")] for line in lines if "|" in line]
    assert " ".join(row[1] for row in cells[1:]).split() == paper.split()
    assert " ".join(row[2] for row in cells[1:]).split() == measured.split()


def test_each_command_is_told_once() -> None:
    text = render_claims([claim(), claim(paper="more"), claim(command="python -m other")])
    assert text.endswith("measured by\n  python -m module9.bench\n  python -m other")


def test_markdown_has_a_line_for_each_claim_with_its_command() -> None:
    head, rule, *rows = claims_markdown([claim(), claim(module="module 8")]).splitlines()
    assert head == "| module | the paper's claim | measured here | verdict | command |"
    assert rule.count("---") == 5
    assert [row.split(" | ")[0] for row in rows] == ["| module 9", "| module 8"]
    assert all("`python -m module9.bench`" in row for row in rows)


def test_markdown_keeps_a_text_in_its_cell() -> None:
    text = claims_markdown([claim(measured="a | b\n  c", command="x | y")])
    *_, row = text.splitlines()
    assert r"| a \| b c |" in row
    assert r"`x \| y`" in row
    assert len(text.splitlines()) == 3


def test_no_claims_are_an_empty_table() -> None:
    assert len(claims_markdown([]).splitlines()) == 2
    assert "verdict" in render_claims([])
