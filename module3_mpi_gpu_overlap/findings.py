"""What module 3's rows say, in plain words."""

from pathlib import Path

from crossscale_results.ratios import Ratio
from crossscale_results.words import Finding, named, not_measured, span
from module3_mpi_gpu_overlap.bars import render
from module3_mpi_gpu_overlap.ratios import training_shares

TITLE = "Module 3: federated averaging over MPI"
BENCH = "python -m module3_mpi_gpu_overlap.bench"


def bars_text(results_dir: Path) -> str:
    """Every bar in a line, with its verdict."""
    return render(results_dir)


def findings(results_dir: Path, found: list[Ratio]) -> list[Finding]:
    """An answer to each question that there are rows for, or what would answer it.

    Args:
        results_dir: folder of the CSV files, for what runs are not compared by.
        found: the module's ratios in them.
    """
    links = "python -m module3_mpi_gpu_overlap.link_rounds"
    accuracy = "python -m module3_mpi_gpu_overlap.federated_accuracy"
    return [
        _finding(
            "With a core for every rank, local training is {} of a round.",
            training_shares(results_dir),
            BENCH,
        ),
        _finding(
            "On one node, overlapping all communication (G3) makes a round {} times as long as "
            "blocking (G0).",
            named(found, "time of a round", "one node"),
            BENCH,
        ),
        _finding(
            "On slow links it makes a round {} times as long.",
            named(found, "time of a round", "bit/s"),
            links,
        ),
        _finding(
            "There it leaves {} of the communication exposed.",
            named(found, "exposed communication, G3"),
            links,
        ),
        _finding(
            "An average with an int8 wire takes {} times as long as with float32, without a "
            "network between the ranks.",
            named(found, "time of an average, int8"),
            BENCH,
        ),
        _finding("The int8 wire sends {} of float32's bytes.", named(found, "bytes, int8"), BENCH),
        _finding(
            "A sum whose order cannot matter takes {} times as long as MPI's.",
            named(found, "time of a sum, fixed-point"),
            BENCH,
        ),
        _finding(
            "The models reach a macro-F1 of {} on DS2, of whose patients only record 202's was "
            "trained on.",
            named(found, "macro-F1"),
            accuracy,
        ),
    ]


def _finding(sentence: str, ratios_found: list[Ratio], command: str) -> Finding:
    """The sentence with the span of the ratios where its braces are."""
    if not ratios_found:
        return not_measured(f"“{sentence.format('…')}”", command)
    return Finding(sentence.format(span(ratios_found)), tuple(ratios_found))
