"""A number that the kernels are to reach, and how it is told."""

from dataclasses import dataclass

import pandas as pd

from module2_openmp_conv.speedup import geometric_mean


@dataclass(frozen=True)
class Bar:
    """A number to reach, with the cells it is made of. Without `least` it is told, not judged."""

    name: str
    least: float | None
    by: str  # `geometric mean` or `worst cell`
    cells: tuple[tuple[str, float], ...]  # named, with their ratios; none if not measured

    @property
    def mean(self) -> float:
        """Geometric mean of the cells; NaN of none."""
        return geometric_mean(pd.Series([ratio for _, ratio in self.cells], dtype=float))

    @property
    def worst(self) -> float:
        """The least ratio; NaN of none."""
        return min((ratio for _, ratio in self.cells), default=float("nan"))

    @property
    def reached(self) -> float:
        """What is held against the bar."""
        return self.mean if self.by == "geometric mean" else self.worst

    @property
    def verdict(self) -> str:
        """`met`, `missed by …`, `not measured`, or nothing."""
        if not self.cells:
            return "not measured"
        if self.least is None:
            return ""
        if self.reached >= self.least:
            return "met"
        return f"missed by {100 * (1 - self.reached / self.least):.0f} %"

    @property
    def missing(self) -> tuple[tuple[str, float], ...]:
        """The cells below a missed bar, the worst first."""
        if self.least is None or not self.verdict.startswith("missed"):
            return ()
        below = [cell for cell in self.cells if cell[1] < self.least]
        return tuple(sorted(below, key=lambda cell: cell[1]))


def render(found: list[Bar], most: int = 5) -> str:
    """The bars as a table, each missed one followed by at most so many of its cells."""
    lines = [_line("bar", "at least", "mean", "worst", "cells", "")]
    for bar in found:
        least = "" if bar.least is None else f"{bar.least:.2f} {_SHORT[bar.by]}"
        ends = (f"{bar.mean:.2f}", f"{bar.worst:.2f}") if bar.cells else ("—", "—")
        lines.append(_line(bar.name, least, *ends, str(len(bar.cells)), bar.verdict))
        lines += [f"    {ratio:5.2f}  {name}" for name, ratio in bar.missing[:most]]
        if len(bar.missing) > most:
            lines.append(f"           and {len(bar.missing) - most} more")
    return "\n".join(lines)


_SHORT = {"geometric mean": "mean", "worst cell": "worst"}


def _line(*cells: str) -> str:
    widths = (40, 12, 7, 7, 6, 0)
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
