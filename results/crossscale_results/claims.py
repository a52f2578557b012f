"""What the paper claims beside what was measured here."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from crossscale_results.ratios import Ratio

VERDICTS = ("reproduced", "exceeded", "not reproduced", "not measured")
_HEAD = ("module", "the paper's claim", "measured here", "verdict")
_WIDTHS = (8, 36, 52, 14)  # with the separators, 119 columns


@dataclass(frozen=True)
class Claim:
    """One claim with its verdict."""

    module: str
    paper: str  # what the paper says
    measured: str  # what was measured here: median, spread, sample count; or why it was not
    verdict: str  # one of VERDICTS
    command: str  # what measures it again
    evidence: tuple[Ratio, ...] = ()  # what it was judged by, with raw samples

    def __post_init__(self) -> None:
        """Raises ValueError for a verdict that is none of VERDICTS."""
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}, not {self.verdict!r}")


def render_claims(claims: Iterable[Claim]) -> str:
    """The claims as a table of at most 120 columns, then the commands that measure them."""
    claims = list(claims)
    rule = "-+-".join("-" * width for width in _WIDTHS)
    lines = [_row(_HEAD), rule]
    for claim in claims:
        lines += [_row((claim.module, claim.paper, claim.measured, claim.verdict)), rule]
    commands = dict.fromkeys(f"  {claim.command}" for claim in claims)
    return "\n".join([*lines, "measured by", *commands])


def claims_markdown(claims: Iterable[Claim]) -> str:
    """The claims as a Markdown table, with the command that measures each."""
    lines = [_markdown_row((*_HEAD, "command")), "|---" * 5 + "|"]
    for claim in claims:
        cells = (claim.module, claim.paper, claim.measured, f"**{claim.verdict}**")
        lines.append(_markdown_row((*cells, f"`{claim.command}`")))
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    wrapped = [textwrap.wrap(c, w) or [""] for c, w in zip(cells, _WIDTHS, strict=True)]
    height = max(len(lines) for lines in wrapped)
    return "\n".join(
        " | ".join(
            (lines[i] if i < len(lines) else "").ljust(width)
            for lines, width in zip(wrapped, _WIDTHS, strict=True)
        ).rstrip()
        for i in range(height)
    )


def _markdown_row(cells: tuple[str, ...]) -> str:
    safe = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(safe)} |"
