"""Findings in plain words, every number in them from ratios' samples."""

from collections.abc import Iterable
from dataclasses import dataclass

from crossscale_results.ratios import Ratio, number


@dataclass(frozen=True)
class Finding:
    """What rows say, and the ratios that say it."""

    text: str  # a sentence or two
    ratios: tuple[Ratio, ...] = ()  # shown below it, with their intervals


def span(ratios: Iterable[Ratio]) -> str:
    """The least and the greatest median: `0.95 to 1.2`; one number where there is only one."""
    values = sorted(ratio.value for ratio in ratios)
    least, most = number(values[0]), number(values[-1])
    return least if least == most else f"{least} to {most}"


def beyond_noise(ratios: Iterable[Ratio]) -> str:
    """In how many of the ratios the interval leaves 1 out."""
    found = list(ratios)
    intervals = [ratio.interval for ratio in found if ratio.interval is not None]
    if not intervals:
        return "too few samples to tell from noise"
    outside = sum(not low <= 1 <= high for low, high in intervals)
    if len(found) == 1:
        return f"{'a' if outside else 'no'} difference beyond noise"
    return f"a difference beyond noise in {outside} of {len(found)}"


def named(ratios: Iterable[Ratio], *parts: str) -> list[Ratio]:
    """Those whose name has all the parts."""
    return [ratio for ratio in ratios if all(part in ratio.name for part in parts)]


def not_measured(what: str, command: str) -> Finding:
    """What to say where rows are missing."""
    return Finding(f"{what}: not measured; `{command}` does.")
