"""What module 1's rows say, in plain words."""

from collections.abc import Iterator
from pathlib import Path

from crossscale_results.ratios import Ratio
from crossscale_results.words import Finding, beyond_noise, named, not_measured, span
from module1_locality.bars import render
from module1_locality.columns import LADDER_TABLE
from module1_locality.summary import ceiling_percent, latest_rows, median_and_quartiles

TITLE = "Module 1: data locality"


def bars_text(results_dir: Path) -> str:
    """Every bar in a line, with its verdict."""
    return render(results_dir)


def findings(results_dir: Path, found: list[Ratio]) -> list[Finding]:
    """An answer to each question that there are rows for, or what would answer it.

    Args:
        results_dir: folder of the CSV files.
        found: the module's ratios in them.
    """
    return [
        *_training(found, results_dir),
        *_assembly(found),
        _peers(named(found, "over the fastest other loader")),
        _scale(named(found, "times the data over")),
        *_order(named(found, "A2's order over A0's")),
        _scores(named(found, "macro-F1", "RR: ")),
    ]


def _training(found: list[Ratio], results_dir: Path) -> Iterator[Finding]:
    rows = latest_rows(LADDER_TABLE, results_dir)
    ours = named(found, "training throughput", "A5 over A0")
    if rows is None or not ours:
        yield not_measured("Throughput of training", "python -m module1_locality.bench")
        return
    device = rows["device"].iloc[0]
    percents = (ceiling_percent(rows, size) for size in sorted(rows["batch_size"].unique()))
    ceilings = [median_and_quartiles(percent)[0] for percent in percents if len(percent)]
    free = f" A feed that costs nothing would add {min(ceilings):.1f} to {max(ceilings):.1f} %."
    yield Finding(
        f"Fed by A5 (ahead of compute, in order of the shard's runs) instead of A0 (a plain "
        f"loader), training on the {device} ran at {span(ours)} times the throughput, by batch "
        f"size; {beyond_noise(ours)}.{free if ceilings else ''}",
        tuple(ours),
    )
    if captured := named(found, "training throughput", "A5-captured over A0-captured"):
        yield Finding(
            f"With the step replayed from a graph, so that the host's launches do not bound it, "
            f"A5 trained at {span(captured)} times A0's throughput; {beyond_noise(captured)}.",
            tuple(captured),
        )
    if device == "cpu":
        yield Finding(
            "No accelerator was there: what copies beside compute are worth on one is not measured."
        )


def _assembly(found: list[Ratio]) -> Iterator[Finding]:
    of_bound = named(found, "host assembly, A6-gather over memcpy")
    if not of_bound:
        yield not_measured("Assembly in host memory", "python -m module1_locality.bench")
        return
    over_a0 = named(found, "host assembly, A6-gather over A0")
    yield Finding(
        f"By itself, A6-gather assembles batches at {span(of_bound)} of the rate at which memcpy "
        f"copies the shard in order, and {span(over_a0)} times as fast as A0.",
        (*of_bound, *over_a0),
    )


def _peers(ours: list[Ratio]) -> Finding:
    if not ours:
        return not_measured("Other data loaders", "python -m module1_locality.peers")
    return Finding(
        f"A5 and the rungs above it assemble {span(ours)} times as many windows a second as the "
        f"fastest other library at the fastest of its settings; {beyond_noise(ours)}.",
        tuple(ours),
    )


def _scale(ours: list[Ratio]) -> Finding:
    if not ours:
        return not_measured("A larger shard", "python -m module1_locality.scale")
    return Finding(
        f"From a much larger shard that the page cache holds, rungs assemble {span(ours)} times as "
        "many windows a second as from the small one.",
        tuple(ours),
    )


def _order(order: list[Ratio]) -> Iterator[Finding]:
    for ratio in order:
        yield Finding(
            f"Trained in A2's order the classifier's macro-F1 is {span([ratio])} times that in "
            f"A0's, seed by seed; {beyond_noise([ratio])}.",
            (ratio,),
        )


def _scores(scores: list[Ratio]) -> Finding:
    if not scores:
        return not_measured("The classifiers' scores", "python -m module1_locality.train")
    return Finding(
        f"On DS2, whose patients were never trained on but for that of record 202, the classifiers "
        f"reach a macro-F1 of {span(scores)}, median over seeds.",
        tuple(scores),
    )
