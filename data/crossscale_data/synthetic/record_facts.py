"""What each synthetic record shall contain: facts counted from MIT-BIH's own annotations.

`beats.csv` has one line per record and annotation symbol: how many, and where they stand. Its
ratios are medians of RR intervals over the record's median RR of its base beats at that time:
to the first beat of a run (`coupling_ratio`), within a run (`in_run_ratio`), and after it
(`pause_ratio`). `run` is the share of these beats that follow one of their own kind; `bigeminy`
and `trigeminy` are the shares of runs whose predecessor ended one or two base beats before.
Symbols rarer than 8 in a record have typical values of their kind instead of medians.
`records.csv` has one line per record: its leads, its most frequent normal beat, the share of atrial
fibrillation or flutter, the beat-to-beat variation of sinus RR, and how often quality changes.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class SymbolFacts:
    """How often one annotation symbol occurs in a full-length record, and where."""

    symbol: str
    count: int
    coupling_ratio: float
    in_run_ratio: float
    pause_ratio: float
    run: float
    bigeminy: float
    trigeminy: float


@dataclass(frozen=True)
class RecordFacts:
    """What one full-length record contains."""

    record: int
    leads: tuple[str, str]
    base: SymbolFacts
    others: tuple[SymbolFacts, ...]
    af_fraction: float
    hrv: float
    noise_changes: int
    artefacts: int


@cache
def record_facts() -> dict[int, RecordFacts]:
    """The facts of all 48 records, by record."""
    symbols: dict[int, list[SymbolFacts]] = {}
    for line in _read("beats.csv"):
        symbols.setdefault(int(line["record"]), []).append(
            SymbolFacts(
                symbol=line["symbol"],
                count=int(line["count"]),
                coupling_ratio=float(line["coupling_ratio"]),
                in_run_ratio=float(line["in_run_ratio"]),
                pause_ratio=float(line["pause_ratio"]),
                run=float(line["run"]),
                bigeminy=float(line["bigeminy"]),
                trigeminy=float(line["trigeminy"]),
            )
        )
    return {int(line["record"]): _facts(line, symbols[int(line["record"])]) for line in _read()}


def _facts(line: dict[str, str], symbols: list[SymbolFacts]) -> RecordFacts:
    (base,) = (facts for facts in symbols if facts.symbol == line["base_symbol"])
    return RecordFacts(
        record=int(line["record"]),
        leads=(line["lead_0"], line["lead_1"]),
        base=base,
        others=tuple(facts for facts in symbols if facts is not base),
        af_fraction=float(line["af_fraction"]),
        hrv=float(line["hrv"]),
        noise_changes=int(line["noise_changes"]),
        artefacts=int(line["artefacts"]),
    )


def _read(name: str = "records.csv") -> list[dict[str, str]]:
    text = files("crossscale_data.synthetic").joinpath(name).read_text()
    return list(csv.DictReader(text.splitlines()))
